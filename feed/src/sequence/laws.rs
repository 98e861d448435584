//! What holds for every way in which frames can arrive.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::testing::{frame, ids, route, unfilled};
use super::{Answer, Arrival, Ask, Content, Limits, Nature, Sequencer, Step, Why};

const EVENT_TIME_MS: i64 = 1_700_000_000_000;
const HELD_BACK_MAX: usize = 4;
const PAGE: u64 = 3;

/// What happens to one of the exchange's frames on one socket, and how the REST API fares beside it.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Arrives,
    Lost,
    /// Comes behind as many later ones.
    Late(usize),
    Twice,
    /// The connection breaks behind it.
    Breaks,
    RestFails,
    Pause,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Arrives),
        3 => Just(Fate::Lost),
        2 => (1_usize..6).prop_map(Fate::Late),
        1 => Just(Fate::Twice),
        1 => Just(Fate::Breaks),
        1 => Just(Fate::RestFails),
        1 => Just(Fate::Pause),
    ]
}

/// A session with an exchange that has traded up to `traded`, whose REST API knows all but `absent`.
struct Run<'r> {
    sequencer: Sequencer,
    now: Duration,
    traded: u64,
    absent: &'r [u64],
    asks: VecDeque<Ask>,
    steps: Vec<Step>,
}

impl<'r> Run<'r> {
    fn new(absent: &'r [u64]) -> Self {
        let limits = Limits {
            held_back_frames_max: HELD_BACK_MAX,
            patience: Duration::from_millis(250),
            // The laws are about what can be filled: nothing is given up for being late.
            fill_time_max: Duration::MAX,
            doubts_apart: Duration::ZERO,
        };
        let sequencer = Sequencer::new(limits, &[]);
        Self { sequencer, now: Duration::ZERO, traded: 0, absent, asks: VecDeque::new(), steps: Vec::new() }
    }

    fn arrive(&mut self, id: u64) {
        let arrival = Arrival { frame: frame(id, EVENT_TIME_MS), mark: id, nature: Nature::Market };
        let mut steps = Vec::new();
        self.sequencer.take(arrival, self.now, &mut steps);
        self.note(steps);
    }

    fn note(&mut self, steps: Vec<Step>) {
        assert!(self.sequencer.held() <= HELD_BACK_MAX);
        for step in steps {
            match step {
                Step::Ask(ask) => self.asks.push_back(ask),
                step => self.steps.push(step),
            }
        }
        assert!(self.asks.len() <= 1, "one question of a route at a time");
    }

    fn pause(&mut self) {
        self.now += Duration::from_secs(10);
        let mut steps = Vec::new();
        self.sequencer.due(self.now, &mut steps);
        self.note(steps);
    }

    fn answer(&mut self, succeeds: bool) {
        let Some(Ask { from, to, .. }) = self.asks.pop_front() else { return };
        // As the API does: so many rows from an id on, wherever the next ones are.
        let limit = to.map_or(PAGE, |to| PAGE.min(to - from + 1));
        let rows =
            (from..=self.traded).filter(|id| !self.absent.contains(id)).take(limit.try_into().unwrap());
        let frames: Vec<_> = rows.map(|id| frame(id, EVENT_TIME_MS)).collect();
        let is_full = frames.len() as u64 == limit;
        let content = if succeeds { Content::Rows { frames, is_full } } else { Content::Failed };
        let mut steps = Vec::new();
        self.sequencer.answer(Answer { route: route(), content }, self.now, &mut steps);
        self.note(steps);
    }

    /// Plays the fates of the trades 1, 2, 3 ...; the first always arrives, so that counting begins there.
    fn play(&mut self, fates: &[Fate]) {
        let mut late: Vec<(usize, u64)> = Vec::new();
        self.trade(Fate::Arrives, &mut late);
        for &fate in fates {
            match fate {
                Fate::RestFails => self.answer(false),
                Fate::Pause => {
                    self.pause();
                    self.answer(true);
                }
                fate => self.trade(fate, &mut late),
            }
        }
        for (_, id) in late {
            self.arrive(id);
        }
        // The socket opens once more, and the exchange is quiet from now on.
        self.sequencer.doubt(&route(), self.now);
        for _ in 0..2 * self.traded + 4 {
            self.pause();
            self.answer(true);
        }
    }

    fn trade(&mut self, fate: Fate, late: &mut Vec<(usize, u64)>) {
        self.traded += 1;
        let id = self.traded;
        // Nothing that the exchange never had can arrive.
        match fate {
            _ if self.absent.contains(&id) => {}
            Fate::Late(behind) => late.push((behind, id)),
            Fate::Arrives | Fate::Breaks => self.arrive(id),
            Fate::Twice => (0..2).for_each(|_| self.arrive(id)),
            _ => {}
        }
        if matches!(fate, Fate::Breaks) {
            self.sequencer.doubt(&route(), self.now);
        }
        for (behind, _) in late.iter_mut() {
            *behind = behind.saturating_sub(1);
        }
        let arriving: Vec<_> = late.extract_if(.., |(behind, _)| *behind == 0).collect();
        for (_, id) in arriving {
            self.arrive(id);
        }
    }
}

proptest! {
    #[test]
    fn every_id_goes_on_once_and_in_order(fates in prop::collection::vec(fate(), 0..80)) {
        let mut run = Run::new(&[]);
        run.play(&fates);
        prop_assert_eq!(ids(&run.steps), (1..=run.traded).collect::<Vec<_>>());
        prop_assert_eq!(unfilled(&run.steps), []);
        prop_assert_eq!(run.sequencer.held(), 0);
    }

    #[test]
    fn what_the_exchange_does_not_have_is_reported_and_nothing_else(
        fates in prop::collection::vec(fate(), 0..80),
        absent in prop::collection::btree_set(2_u64..60, 0..8),
    ) {
        let absent: Vec<_> = absent.into_iter().collect();
        let mut run = Run::new(&absent);
        run.play(&fates);
        let given = ids(&run.steps);
        let last = given.last().copied().unwrap_or_default();
        let expected: Vec<_> = (1..=run.traded).filter(|id| !absent.contains(id)).collect();
        prop_assert_eq!(&given, &expected);
        let reported: Vec<_> = unfilled(&run.steps).iter().flat_map(|&(from, to, why)| {
            assert_eq!(why, Why::Absent);
            from..=to
        }).collect();
        let missing: Vec<_> = absent.into_iter().filter(|&id| id < last).collect();
        prop_assert_eq!(reported, missing);
    }
}
