//! The frames of one symbol and kind in the order of their ids.

use std::collections::BTreeMap;
use std::time::Duration;

use tapeline_market::Timestamp;

use super::sequencer::{Ask, Content, Limits, Step, Why};
use crate::frame::{Frame, Route};

/// After an answer that brought nothing, the next question waits so long: what was traded a moment ago is not yet in the
/// exchange's database.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// After a doubt, the question waits so long for a frame that answers it for nothing.
const DOUBT_PAUSE: Duration = Duration::from_secs(1);

/// Questions for mere doubt are so far apart, so that a socket full of garbage does not use up the request weight.
const DOUBTS_APART: Duration = Duration::from_secs(5);

/// The widest jump of ids that is taken for a gap: a month of the busiest symbol's aggregate trades, which would take half
/// an hour to ask for.
const JUMP_IDS_MAX: u64 = 50_000_000;

/// Ids that do not fit are believed once the exchange has sent them for so long: then it has begun to count anew.
const BELIEVED_AFTER_US: i64 = 60_000_000;

/// What a lane needs to know for a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'l> {
    /// Since the beginning.
    pub(super) now: Duration,
    /// The limits.
    pub(super) limits: &'l Limits,
    /// Whether one more frame may be held back.
    pub(super) has_room: bool,
    /// Whether a mere doubt may be asked about.
    pub(super) may_doubt: bool,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It went on.
    Released,
    /// It waits.
    Held,
    /// It came before.
    Equal,
    /// There is no room to let it wait. It is asked for when its turn comes.
    LeftOut,
}

/// The frames of one route, and what is known to be missing.
#[derive(Debug)]
pub(super) struct Lane {
    route: Route,
    /// The id of the last frame that went on.
    last: Option<u64>,
    /// When the exchange sent it.
    event_time: Option<Timestamp>,
    /// Frames behind a gap.
    held: BTreeMap<u64, Frame>,
    /// The highest id seen.
    highest: u64,
    hole: Option<Hole>,
    doubt: Option<Doubt>,
    is_asked: bool,
    ask_at: Duration,
    doubted_at: Option<Duration>,
}

/// Frames that are known to be missing.
#[derive(Debug)]
struct Hole {
    /// The first of them.
    from: u64,
    /// The first that is still missing.
    next: u64,
    /// When that last changed.
    progress_at: Duration,
    /// Frames that the REST API gave.
    filled: u64,
}

/// Frames that may be missing at the end.
#[derive(Debug, PartialEq, Eq)]
enum Doubt {
    Open,
    /// The question that is under way was asked for it: after it arose, and with an open end.
    Asked,
}

impl Lane {
    pub(super) const fn new(route: Route, last: Option<u64>) -> Self {
        Self {
            route,
            last,
            event_time: None,
            held: BTreeMap::new(),
            highest: 0,
            hole: None,
            doubt: None,
            is_asked: false,
            ask_at: Duration::ZERO,
            doubted_at: None,
        }
    }

    /// Frames that wait.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether time changes anything.
    pub(super) const fn is_open(&self) -> bool {
        self.hole.is_some() || self.doubt.is_some()
    }

    /// Takes a frame that a socket handed over.
    pub(super) fn take(
        &mut self,
        (id, frame): (u64, Frame),
        moment: Moment<'_>,
        steps: &mut Vec<Step>,
    ) -> Taken {
        let Some(last) = self.last else {
            self.release(id, frame, steps);
            return Taken::Released;
        };
        let is_far = id.saturating_sub(last) > JUMP_IDS_MAX;
        if id <= last || is_far {
            if !self.is_believed(&frame, is_far) {
                return pass_over(frame, is_far, steps);
            }
            self.begin_anew(id, moment, steps);
        }
        // What arrives from now on shows by its id whether something is missing before it.
        self.doubt = None;
        self.highest = self.highest.max(id);
        let taken = self.place((id, frame), moment, steps);
        self.settle(moment, steps);
        taken
    }

    /// Lets a frame go on if it is next; otherwise it waits.
    fn place(&mut self, (id, frame): (u64, Frame), moment: Moment<'_>, steps: &mut Vec<Step>) -> Taken {
        if self.next().is_none_or(|next| next == id) {
            self.release(id, frame, steps);
            return Taken::Released;
        }
        if self.held.contains_key(&id) {
            return Taken::Equal;
        }
        if !moment.has_room {
            return Taken::LeftOut;
        }
        self.held.insert(id, frame);
        Taken::Held
    }

    /// Takes what the REST API answered.
    pub(super) fn answer(&mut self, content: Content, moment: Moment<'_>, steps: &mut Vec<Step>) {
        self.is_asked = false;
        let before = self.last;
        match content {
            Content::Rows { frames, is_full } => {
                let filled = self.fill(frames, steps);
                self.note_filled(filled, steps);
                if self.doubt == Some(Doubt::Asked) {
                    self.doubt = is_full.then_some(Doubt::Open);
                }
            }
            Content::Failed => {}
            Content::Refused => {
                self.doubt = None;
                if self.hole.is_some() {
                    self.give_up(Why::Refused, moment, steps);
                }
            }
        }
        self.settle(moment, steps);
        let pause = if self.last == before { RETRY_PAUSE } else { Duration::ZERO };
        self.ask_at = moment.now + pause;
    }

    /// Lets rows go on, each at its place; gives how many.
    fn fill(&mut self, frames: Vec<Frame>, steps: &mut Vec<Step>) -> u64 {
        let mut filled = 0;
        for frame in frames {
            let Some(id) = frame.ids.map(|ids| ids.last) else { continue };
            self.pass_over_absent(id, steps);
            if self.next().is_none_or(|next| next == id) {
                self.release(id, frame, steps);
                filled += 1;
            }
            self.drain(steps);
        }
        filled
    }

    /// Passes over ids before a row: the exchange itself has nothing there.
    fn pass_over_absent(&mut self, id: u64, steps: &mut Vec<Step>) {
        while let Some(next) = self.next()
            && next < id
        {
            let end = self.held.keys().next().map_or(id, |&held| held.min(id));
            if next < end {
                self.skip_to(end - 1, Why::Absent, steps);
            }
            self.drain(steps);
            if self.next() == Some(next) {
                return;
            }
        }
    }

    fn note_filled(&mut self, filled: u64, steps: &mut Vec<Step>) {
        match &mut self.hole {
            Some(hole) => hole.filled += filled,
            None if filled > 0 => {
                let from = self.next().unwrap_or_default().saturating_sub(filled);
                steps.push(Step::Filled { route: self.route.clone(), from, frames: filled });
            }
            None => {}
        }
    }

    /// Frames may have been lost without a later one that would show it: the lane's end is asked for.
    pub(super) fn doubt(&mut self, now: Duration) {
        if self.last.is_none() {
            return;
        }
        let is_quiet = self.hole.is_none() && self.doubt.is_none() && !self.is_asked;
        self.doubt = Some(Doubt::Open);
        if is_quiet {
            let earliest = self.doubted_at.map_or(Duration::ZERO, |at| at + DOUBTS_APART);
            self.ask_at = earliest.max(now + DOUBT_PAUSE);
        }
    }

    /// Asks for what is missing, and gives up what was missing for too long. True if it asked for mere doubt.
    pub(super) fn due(&mut self, moment: Moment<'_>, steps: &mut Vec<Step>) -> bool {
        if let Some(hole) = &self.hole
            && moment.now.saturating_sub(hole.progress_at) >= moment.limits.fill_time_max
        {
            self.give_up(Why::Late, moment, steps);
        }
        let is_mere_doubt = self.hole.is_none() && self.doubt.is_some();
        let may_ask = self.hole.is_some() || (is_mere_doubt && moment.may_doubt);
        let Some(from) = self.next().filter(|_| may_ask && !self.is_asked && moment.now >= self.ask_at)
        else {
            return false;
        };
        if is_mere_doubt {
            (self.doubt, self.doubted_at) = (Some(Doubt::Asked), Some(moment.now));
        }
        self.is_asked = true;
        steps.push(Step::Ask(Ask { route: self.route.clone(), from, to: self.hole_end() }));
        is_mere_doubt
    }

    /// The last id of the first hole; `None` where nothing is known to be missing.
    fn hole_end(&self) -> Option<u64> {
        self.hole.as_ref()?;
        Some(self.held.keys().next().map_or(self.highest, |held| held.saturating_sub(1)))
    }

    fn give_up(&mut self, why: Why, moment: Moment<'_>, steps: &mut Vec<Step>) {
        let Some(end) = self.hole_end() else { return };
        self.skip_to(end, why, steps);
        self.settle(moment, steps);
        self.ask_at = moment.now;
    }

    fn skip_to(&mut self, end: u64, why: Why, steps: &mut Vec<Step>) {
        if let Some(from) = self.next().filter(|&from| from <= end) {
            steps.push(Step::Unfilled { route: self.route.clone(), from, to: end, why });
        }
        self.last = Some(end);
    }

    /// Lets go on what follows without a gap, and notes whether a gap is left.
    fn settle(&mut self, moment: Moment<'_>, steps: &mut Vec<Step>) {
        self.drain(steps);
        let next = self.next().unwrap_or_default();
        if self.highest < next {
            self.close_hole(steps);
            return;
        }
        match &mut self.hole {
            Some(hole) if hole.next == next => {}
            Some(hole) => (hole.next, hole.progress_at) = (next, moment.now),
            None => {
                self.hole = Some(Hole { from: next, next, progress_at: moment.now, filled: 0 });
                self.ask_at = moment.now + moment.limits.patience;
            }
        }
    }

    fn close_hole(&mut self, steps: &mut Vec<Step>) {
        if let Some(Hole { from, filled, .. }) = self.hole.take()
            && filled > 0
        {
            steps.push(Step::Filled { route: self.route.clone(), from, frames: filled });
        }
    }

    fn drain(&mut self, steps: &mut Vec<Step>) {
        while let Some(entry) = self.held.first_entry()
            && self.last.is_some_and(|last| *entry.key() <= last.saturating_add(1))
        {
            let (id, frame) = entry.remove_entry();
            if self.next() == Some(id) {
                self.release(id, frame, steps);
            }
        }
    }

    fn next(&self) -> Option<u64> {
        self.last.map(|last| last.saturating_add(1))
    }

    fn release(&mut self, id: u64, frame: Frame, steps: &mut Vec<Step>) {
        self.last = Some(id);
        self.highest = self.highest.max(id);
        self.event_time = self.event_time.max(frame.event_time);
        steps.push(Step::Frame(frame));
    }

    /// Whether the exchange has sent ids out of line for so long that they count.
    fn is_believed(&mut self, frame: &Frame, is_far: bool) -> bool {
        match (frame.event_time, self.event_time) {
            (Some(event_time), Some(last)) => event_time.micros() - last.micros() > BELIEVED_AFTER_US,
            // Behind a checkpoint of long ago.
            (_, None) if is_far => true,
            (event_time, None) => {
                self.event_time = event_time;
                false
            }
            (None, _) => false,
        }
    }

    /// Begins to count at an id that does not follow.
    fn begin_anew(&mut self, id: u64, moment: Moment<'_>, steps: &mut Vec<Step>) {
        while self.hole.is_some() {
            self.give_up(Why::Anew, moment, steps);
        }
        match self.last {
            Some(last) if last < id => self.skip_to(id - 1, Why::Anew, steps),
            _ => {
                steps.push(Step::Anew { route: self.route.clone(), last: self.last, id });
                self.last = id.checked_sub(1);
            }
        }
        self.highest = self.last.unwrap_or_default();
    }
}

/// A frame whose id does not fit: dropped where it was seen before, handed on without a place where it cannot be.
fn pass_over(frame: Frame, is_far: bool, steps: &mut Vec<Step>) -> Taken {
    if !is_far {
        return Taken::Equal;
    }
    steps.push(Step::Frame(Frame { ids: None, ..frame }));
    Taken::Released
}
