//! All lanes together: where a frame goes, and how much may wait.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::identify::{Arrival, is_sequenced};
use super::lane::{Lane, Moment, Taken};
use super::recent::Recent;
use crate::frame::{Frame, Mark, Route};

/// The most routes that are kept apart. All streams of all markets' symbols are fewer; what exceeds it comes from garbage,
/// and is handed on as it is.
const ROUTES_MAX: usize = 65_536;

/// What bounds the waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most frames that are held back, all routes together. Those that find no room are asked for later.
    pub held_back_frames_max: usize,
    /// A gap waits so long for a socket that closes it, before the REST API is asked.
    pub patience: Duration,
    /// A gap that was not made smaller for so long is given up.
    pub fill_time_max: Duration,
    /// Questions for mere doubt are so far apart, all routes together: most doubts are answered by a frame meanwhile, and
    /// gaps that are known come first.
    pub doubts_apart: Duration,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The frame goes on.
    Frame(Frame),
    /// The REST API is to be asked.
    Ask(Ask),
    /// A gap is closed.
    Filled {
        /// Whose.
        route: Route,
        /// The first id that was missing.
        from: u64,
        /// Frames that the REST API gave.
        frames: u64,
    },
    /// Ids are given up: frames go on without them.
    Unfilled {
        /// Whose.
        route: Route,
        /// The first id.
        from: u64,
        /// The last id.
        to: u64,
        /// The reason.
        why: Why,
    },
    /// The exchange counts from a lower id on.
    Anew {
        /// Whose.
        route: Route,
        /// The last id of before.
        last: Option<u64>,
        /// The first id of now.
        id: u64,
    },
}

/// A question for the REST API. Until its answer there is no other one of the same route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Whose frames; it has a symbol and a kind.
    pub route: Route,
    /// The first id that is wanted.
    pub from: u64,
    /// The last id that is wanted; `None` for whatever there is.
    pub to: Option<u64>,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The question's route.
    pub route: Route,
    /// What came.
    pub content: Content,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Frames in the order of their ids, from the one that was asked for on.
    Rows {
        /// The frames, each with its ids.
        frames: Vec<Frame>,
        /// Whether as many came as were asked for, so that there may be more.
        is_full: bool,
    },
    /// No answer this time.
    Failed,
    /// It will not be answered another time either.
    Refused,
}

/// Why ids were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The REST API has later ones, but not these.
    Absent,
    /// The REST API refuses to tell.
    Refused,
    /// Nothing came for too long.
    Late,
    /// The exchange counts anew.
    Anew,
}

impl Why {
    /// Names the reason as logs do.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Refused => "refused",
            Self::Late => "late",
            Self::Anew => "anew",
        }
    }
}

/// Brings the frames of all sockets into order.
#[derive(Debug)]
pub struct Sequencer {
    limits: Limits,
    lanes: Vec<Lane>,
    places: HashMap<Route, usize>,
    recents: HashMap<Route, Recent>,
    /// Lanes that time changes.
    open: BTreeSet<usize>,
    held: usize,
    equal: u64,
    next_doubt_at: Duration,
}

impl Sequencer {
    /// Goes on behind `resume`.
    pub fn new(limits: Limits, resume: &[Mark]) -> Self {
        let mut sequencer = Self {
            limits,
            lanes: Vec::new(),
            places: HashMap::new(),
            recents: HashMap::new(),
            open: BTreeSet::new(),
            held: 0,
            equal: 0,
            next_doubt_at: Duration::ZERO,
        };
        for Mark { route, last_id } in resume {
            if route.kind.is_some_and(|kind| is_sequenced(route.market, kind)) {
                sequencer.add_lane(route.clone(), Some(*last_id));
            }
        }
        sequencer
    }

    /// Frames that are held back.
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Frames dropped so far because they had come before.
    pub const fn equal(&self) -> u64 {
        self.equal
    }

    /// Takes a frame that a socket handed over.
    pub fn take(&mut self, arrival: Arrival, now: Duration, steps: &mut Vec<Step>) {
        let Arrival { frame, mark, .. } = arrival;
        let Some(ids) = frame.ids else { return self.take_without_ids(frame, mark, steps) };
        let place = match self.places.get(&frame.route) {
            Some(&place) => place,
            None if self.lanes.len() < ROUTES_MAX => self.add_lane(frame.route.clone(), None),
            None => return steps.push(Step::Frame(frame)),
        };
        let taken = self.step(place, now, |lane, moment| lane.take((ids.last, frame), moment, steps));
        self.equal += u64::from(taken == Some(Taken::Equal));
    }

    /// Frames of a kind whose gaps nobody fills go on as they come, each once.
    fn take_without_ids(&mut self, frame: Frame, mark: u64, steps: &mut Vec<Step>) {
        if frame.route.kind.is_some() && !self.is_new(&frame.route, mark) {
            self.equal += 1;
            return;
        }
        steps.push(Step::Frame(frame));
    }

    fn is_new(&mut self, route: &Route, mark: u64) -> bool {
        if let Some(recent) = self.recents.get_mut(route) {
            return recent.note(mark);
        }
        if self.recents.len() == ROUTES_MAX {
            return true;
        }
        self.recents.entry(route.clone()).or_default().note(mark)
    }

    /// Frames of a route may have been lost without a later one that would show it.
    pub fn doubt(&mut self, route: &Route, now: Duration) {
        if let Some(&place) = self.places.get(route) {
            self.step(place, now, |lane, moment| lane.doubt(moment.now));
        }
    }

    /// Does what is due by now.
    pub fn due(&mut self, now: Duration, steps: &mut Vec<Step>) {
        let open: Vec<_> = self.open.iter().copied().collect();
        for place in open {
            if self.step(place, now, |lane, moment| lane.due(moment, steps)) == Some(true) {
                self.next_doubt_at = now + self.limits.doubts_apart;
            }
        }
    }

    /// Takes what the REST API answered.
    pub fn answer(&mut self, answer: Answer, now: Duration, steps: &mut Vec<Step>) {
        if let Some(&place) = self.places.get(&answer.route) {
            self.step(place, now, |lane, moment| lane.answer(answer.content, moment, steps));
        }
    }

    /// Lets a lane do something and keeps the books of all.
    fn step<T>(
        &mut self,
        place: usize,
        now: Duration,
        act: impl FnOnce(&mut Lane, Moment<'_>) -> T,
    ) -> Option<T> {
        let lane = self.lanes.get_mut(place)?;
        let has_room = self.held < self.limits.held_back_frames_max;
        let before = lane.held();
        let may_doubt = now >= self.next_doubt_at;
        let done = act(lane, Moment { now, limits: &self.limits, has_room, may_doubt });
        self.held = (self.held + lane.held()).saturating_sub(before);
        if lane.is_open() {
            self.open.insert(place);
        } else if !self.open.is_empty() {
            self.open.remove(&place);
        }
        Some(done)
    }

    fn add_lane(&mut self, route: Route, last: Option<u64>) -> usize {
        let place = self.lanes.len();
        self.places.insert(route.clone(), place);
        self.lanes.push(Lane::new(route, last));
        place
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{LIMITS, MINUTE, Session, ask, ids, route, unfilled};
    use super::*;

    #[test]
    fn frames_that_follow_go_on_at_once() {
        let mut session = Session::new();
        assert_eq!(ids(&session.take(&[5, 6, 7])), [5, 6, 7]);
        assert_eq!(session.sequencer.held(), 0);
    }

    #[test]
    fn equal_ids_are_dropped() {
        let mut session = Session::new();
        assert_eq!(ids(&session.take(&[5, 5, 6, 5, 6, 7])), [5, 6, 7]);
        assert_eq!(session.sequencer.equal(), 3);
    }

    #[test]
    fn a_late_frame_closes_a_gap_without_a_question() {
        let mut session = Session::new();
        assert_eq!(ids(&session.take(&[5, 7, 8])), [5]);
        assert_eq!(ids(&session.take(&[6])), [6, 7, 8]);
        session.advance(MINUTE);
        assert_eq!(session.due(), []);
    }

    #[test]
    fn the_rest_api_is_asked_when_patience_ends() {
        let mut session = Session::new();
        session.take(&[5, 9]);
        assert_eq!(session.due(), []);
        session.advance(LIMITS.patience);
        assert_eq!(session.due(), [ask(6, Some(8))]);
        // One question at a time.
        assert_eq!(session.due(), []);
        let steps = session.answer(&[6, 7, 8]);
        assert_eq!(ids(&steps), [6, 7, 8, 9]);
        assert_eq!(steps.last(), Some(&Step::Filled { route: route(), from: 6, frames: 3 }));
    }

    #[test]
    fn a_short_answer_is_asked_on() {
        let mut session = Session::new();
        session.take(&[5, 9]);
        session.advance(LIMITS.patience);
        session.due();
        assert_eq!(ids(&session.answer(&[6])), [6]);
        assert_eq!(session.due(), [ask(7, Some(8))]);
        assert!(ids(&session.answer(&[])).is_empty());
        assert_eq!(session.due(), []);
        session.advance(Duration::from_millis(500));
        assert_eq!(session.due(), [ask(7, Some(8))]);
        assert_eq!(ids(&session.answer(&[7, 8])), [7, 8, 9]);
    }

    #[test]
    fn what_the_rest_api_does_not_have_is_reported() {
        let mut session = Session::new();
        session.take(&[5, 9]);
        session.advance(LIMITS.patience);
        session.due();
        let steps = session.answer(&[6, 8]);
        assert_eq!(ids(&steps), [6, 8, 9]);
        assert_eq!(unfilled(&steps), [(7, 7, Why::Absent)]);
    }

    #[test]
    fn a_gap_that_nobody_fills_is_given_up_with_its_ids() {
        let mut session = Session::new();
        session.take(&[5, 9, 12]);
        session.advance(LIMITS.fill_time_max);
        let steps = session.due();
        assert_eq!(ids(&steps), [9]);
        assert_eq!(unfilled(&steps), [(6, 8, Why::Late)]);
        assert!(steps.contains(&ask(10, Some(11))));
    }

    #[test]
    fn a_refusal_gives_the_gap_up() {
        let mut session = Session::new();
        session.take(&[5, 9]);
        session.advance(LIMITS.patience);
        session.due();
        let steps = session.hear(Content::Refused);
        assert_eq!((ids(&steps), unfilled(&steps)), (vec![9], vec![(6, 8, Why::Refused)]));
    }

    #[test]
    fn frames_without_room_are_asked_for_when_their_turn_comes() {
        let mut session = Session::new();
        // Room for three.
        assert_eq!(ids(&session.take(&[1, 3, 4, 5, 6, 7])), [1]);
        assert_eq!(session.sequencer.held(), 3);
        session.advance(LIMITS.patience);
        assert_eq!(session.due(), [ask(2, Some(2))]);
        assert_eq!(ids(&session.answer(&[2])), [2, 3, 4, 5]);
        assert_eq!(session.due(), [ask(6, Some(7))]);
        assert_eq!(ids(&session.answer(&[6, 7])), [6, 7]);
    }

    #[test]
    fn a_lane_goes_on_behind_its_mark() {
        let mut session = Session::resumed(5);
        assert_eq!(ids(&session.take(&[4, 5, 6])), [6]);
        let mut session = Session::resumed(5);
        session.take(&[8]);
        session.advance(LIMITS.patience);
        assert_eq!(session.due(), [ask(6, Some(7))]);
    }

    #[test]
    fn a_doubt_asks_for_the_end_of_a_quiet_lane() {
        let mut session = Session::resumed(5);
        session.doubt();
        session.advance(Duration::from_secs(1));
        assert_eq!(session.due(), [ask(6, None)]);
        assert_eq!(ids(&session.answer(&[6, 7])), [6, 7]);
        session.advance(MINUTE);
        assert_eq!(session.due(), []);
    }

    #[test]
    fn a_frame_answers_a_doubt_for_nothing() {
        let mut session = Session::resumed(5);
        session.doubt();
        session.take(&[6]);
        session.advance(MINUTE);
        assert_eq!(session.due(), []);
    }

    #[test]
    fn a_doubt_that_arises_behind_a_question_is_asked_again() {
        let mut session = Session::resumed(5);
        session.doubt();
        session.advance(Duration::from_secs(1));
        session.due();
        session.doubt();
        session.answer(&[]);
        session.advance(MINUTE);
        assert_eq!(session.due(), [ask(6, None)]);
    }

    #[test]
    fn doubts_are_asked_about_one_after_another() {
        let other = Route { symbol: Some("BNBUSDT".into()), ..route() };
        let marks = [route(), other.clone()].map(|route| Mark { route, last_id: 5 });
        let mut sequencer = Sequencer::new(LIMITS, &marks);
        let mut asked = |now: u64| {
            let mut steps = Vec::new();
            sequencer.doubt(&route(), Duration::ZERO);
            sequencer.doubt(&other, Duration::ZERO);
            sequencer.due(Duration::from_secs(now), &mut steps);
            steps
        };
        assert_eq!(asked(1), [ask(6, None)]);
        assert_eq!(asked(1), []);
        assert_eq!(asked(2), [Step::Ask(Ask { route: other.clone(), from: 6, to: None })]);
    }

    #[test]
    fn an_id_beyond_all_measure_is_handed_on_without_a_place() {
        let mut session = Session::new();
        assert_eq!(ids(&session.take(&[5, 90_000_000_000, 6])), [5, 6]);
    }

    #[test]
    fn an_exchange_that_counts_anew_is_believed_after_a_minute() {
        let mut session = Session::new();
        session.take(&[1000, 1001]);
        assert!(ids(&session.take(&[1, 2])).is_empty());
        session.event_time_ms += 61_000;
        let steps = session.take(&[3, 4]);
        assert_eq!(ids(&steps), [3, 4]);
        assert_eq!(steps[0], Step::Anew { route: route(), last: Some(1001), id: 3 });
    }
}
