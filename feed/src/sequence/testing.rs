//! What the tests of this folder share: one symbol's aggregate trades.

use std::time::Duration;

use bytes::Bytes;
use tapeline_codec::binance::Kind;
use tapeline_market::{Market, Timestamp};

use super::{Answer, Arrival, Ask, Content, Limits, Nature, Sequencer, Step, Why};
use crate::frame::{Frame, Ids, Mark, Route};

pub(super) const MINUTE: Duration = Duration::from_mins(1);

pub(super) const LIMITS: Limits = Limits {
    held_back_frames_max: 3,
    patience: Duration::from_millis(250),
    fill_time_max: Duration::from_mins(2),
    doubts_apart: Duration::from_secs(1),
};

/// A sequencer with a clock.
pub(super) struct Session {
    pub(super) sequencer: Sequencer,
    pub(super) event_time_ms: i64,
    now: Duration,
}

impl Session {
    pub(super) fn new() -> Self {
        Self { sequencer: Sequencer::new(LIMITS, &[]), event_time_ms: 1_700_000_000_000, now: Duration::ZERO }
    }

    pub(super) fn resumed(last_id: u64) -> Self {
        let mark = Mark { route: route(), last_id };
        Self { sequencer: Sequencer::new(LIMITS, &[mark]), ..Self::new() }
    }

    pub(super) fn advance(&mut self, time: Duration) {
        self.now += time;
    }

    pub(super) fn take(&mut self, ids: &[u64]) -> Vec<Step> {
        let mut steps = Vec::new();
        for &id in ids {
            let arrival = Arrival { frame: frame(id, self.event_time_ms), mark: id, nature: Nature::Market };
            self.sequencer.take(arrival, self.now, &mut steps);
        }
        steps
    }

    pub(super) fn doubt(&mut self) {
        self.sequencer.doubt(&route(), self.now);
    }

    pub(super) fn due(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        self.sequencer.due(self.now, &mut steps);
        steps
    }

    pub(super) fn answer(&mut self, ids: &[u64]) -> Vec<Step> {
        let frames = ids.iter().map(|&id| frame(id, self.event_time_ms)).collect();
        self.hear(Content::Rows { frames, is_full: false })
    }

    pub(super) fn hear(&mut self, content: Content) -> Vec<Step> {
        let mut steps = Vec::new();
        self.sequencer.answer(Answer { route: route(), content }, self.now, &mut steps);
        steps
    }
}

pub(super) fn ask(from: u64, to: Option<u64>) -> Step {
    Step::Ask(Ask { route: route(), from, to })
}

pub(super) fn route() -> Route {
    Route { market: Market::Spot, symbol: Some("BNBBTC".into()), kind: Some(Kind::AggTrade) }
}

pub(super) fn frame(id: u64, event_time_ms: i64) -> Frame {
    let time = Timestamp::from_millis(event_time_ms).unwrap();
    Frame {
        text: Bytes::from(id.to_string()),
        route: route(),
        ids: Some(Ids { first: id, last: id }),
        event_time: Some(time),
        received: time,
    }
}

/// The ids of frames that went on in their place.
pub(super) fn ids(steps: &[Step]) -> Vec<u64> {
    let ids = steps.iter().filter_map(|step| match step {
        Step::Frame(frame) => frame.ids,
        _ => None,
    });
    ids.map(|ids| ids.last).collect()
}

/// The ids that were given up.
pub(super) fn unfilled(steps: &[Step]) -> Vec<(u64, u64, Why)> {
    let unfilled = steps.iter().filter_map(|step| match step {
        Step::Unfilled { from, to, why, .. } => Some((*from, *to, *why)),
        _ => None,
    });
    unfilled.collect()
}
