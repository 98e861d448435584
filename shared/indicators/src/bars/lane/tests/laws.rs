//! What holds for every session.

use proptest::prelude::*;
use proptest::sample::Index;

use super::sessions::{Session, any_session, of_trades};
use super::*;

/// What came of frames: bars digit by digit, what was counted, and the bytes at the end.
#[derive(Debug, Clone)]
struct Outcome {
    folded: Folded,
    state: Option<Vec<u8>>,
}

impl Outcome {
    /// Equal bars may be written with different digits: these are not.
    fn bars(&self) -> Vec<String> {
        self.folded.closed.iter().map(|closed| format!("{closed:?}")).collect()
    }

    /// What redelivered frames must not count again.
    fn losses(&self) -> [u64; 4] {
        let Tally { gaps, missing, late, time_regress, .. } = self.folded.tally;
        [gaps, missing, late, time_regress]
    }
}

fn lane_of(state: Option<&[u8]>, settings: &BarSettings) -> Lane {
    state.map_or_else(|| Lane::new(settings), |state| Lane::restore(state, settings).unwrap())
}

/// Goes on from a state with frames in batches; between two of them there are only bytes.
fn resume(state: Option<&[u8]>, settings: &BarSettings, frames: &[Observation], cuts: &[Index]) -> Outcome {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(frames.len() + 1)).collect();
    places.extend([0, frames.len()]);
    places.sort_unstable();
    let mut outcome = Outcome { folded: Folded::default(), state: state.map(<[u8]>::to_vec) };
    for ends in places.windows(2) {
        let mut lane = lane_of(outcome.state.as_deref(), settings);
        let mut batch = frames[ends[0]..ends[1]].to_vec();
        lane.in_id_order(&mut batch);
        for observation in &batch {
            lane.observe(settings, observation, &mut outcome.folded);
        }
        outcome.state = lane.save(settings);
        assert_eq!(lane_of(outcome.state.as_deref(), settings), lane, "restored as saved");
    }
    outcome
}

fn run(session: &Session, cuts: &[Index]) -> Outcome {
    resume(None, &session.settings, &session.frames, cuts)
}

fn with_frames(session: &Session, frames: Vec<Observation>) -> Session {
    Session { frames, ..session.clone() }
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..12)
}

fn sum(numbers: impl Iterator<Item = Decimal>) -> Decimal {
    numbers.fold(Decimal::ZERO, |total, number| total.checked_add(number).unwrap())
}

/// The bars of an interval, closed ones first, then the open one; filled ones left out.
fn traded(run: &Run, interval: Interval) -> Vec<Bar> {
    let closed = run.folded.closed.iter().filter(|closed| !closed.filled).map(|closed| closed.bar);
    let open = run.lane.slots.iter().filter_map(|slot| Some(slot.open?.bar));
    closed.chain(open).filter(|bar| bar.interval == interval).collect()
}

/// One bar of several, by the definition of each number.
fn rolled_up(parts: &[Bar], whole: &Bar) -> Bar {
    let quotes = parts.iter().filter_map(|part| part.quote_volume);
    Bar {
        open: parts[0].open,
        high: parts.iter().map(|part| part.high).max().unwrap(),
        low: parts.iter().map(|part| part.low).min().unwrap(),
        close: parts[parts.len() - 1].close,
        volume: sum(parts.iter().map(|part| part.volume)),
        quote_volume: whole.quote_volume.map(|_| sum(quotes)),
        taker_buy_volume: sum(parts.iter().map(|part| part.taker_buy_volume)),
        trade_count: parts.iter().map(|part| part.trade_count).sum(),
        ..*whole
    }
}

proptest! {
    #[test]
    fn any_cut_into_batches_gives_the_same(session in any_session(), cuts in cuts()) {
        let (whole, cut) = (run(&session, &[]), run(&session, &cuts));
        prop_assert_eq!(cut.bars(), whole.bars());
        prop_assert_eq!(cut.folded.tally, whole.folded.tally);
        prop_assert_eq!(cut.state, whole.state);
    }

    #[test]
    fn what_is_delivered_again_changes_nothing(
        session in any_session(), point in any::<Index>(), from in any::<Index>(), cuts in cuts(),
    ) {
        let (before, after) = session.frames.split_at(point.index(session.frames.len() + 1));
        let again = &before[from.index(before.len() + 1)..];
        let redelivered = run(&with_frames(&session, [before, again, after].concat()), &cuts);
        let once = run(&session, &[]);
        prop_assert_eq!(redelivered.bars(), once.bars());
        prop_assert_eq!(redelivered.losses(), once.losses());
        prop_assert_eq!(redelivered.state, once.state);
    }

    /// A state is saved, a pass behind it crashes when its bars were sent but not its state, and the next pass begins
    /// before the frames of the state.
    #[test]
    fn a_crashed_pass_is_repeated_to_the_digit(
        session in any_session(), places in any::<[Index; 3]>(), cuts in prop::array::uniform3(cuts()),
    ) {
        let (settings, frames) = (&session.settings, &session.frames);
        let mut places = places.map(|place| place.index(frames.len() + 1));
        places.sort_unstable();
        let [again_from, saved_at, crashed_at] = places;
        let saved = resume(None, settings, &frames[..saved_at], &cuts[0]);
        // Frames before the first trade are not remembered: a lane without a state begins with it.
        let again_from = if saved.state.is_some() { again_from } else { saved_at };
        let crashed = resume(saved.state.as_deref(), settings, &frames[saved_at..crashed_at], &cuts[1]);
        let repeated = resume(saved.state.as_deref(), settings, &frames[again_from..], &cuts[2]);
        prop_assert!(repeated.bars().starts_with(&crashed.bars()), "{:?}", crashed.bars());
        let whole = run(&session, &[]);
        prop_assert_eq!([saved.bars(), repeated.bars()].concat(), whole.bars());
        prop_assert_eq!(repeated.state, whole.state);
    }

    #[test]
    fn any_frame_may_come_twice(
        session in any_session(), copies in prop::collection::vec(any::<[Index; 2]>(), 1..6), cuts in cuts(),
    ) {
        let mut frames = session.frames.clone();
        for [original, behind] in copies {
            let original = original.index(frames.len());
            let behind = original + 1 + behind.index(frames.len() - original);
            frames.insert(behind, frames[original]);
        }
        let (once, twice) = (run(&session, &[]), run(&with_frames(&session, frames), &cuts));
        prop_assert_eq!(twice.bars(), once.bars());
        prop_assert_eq!(twice.losses(), once.losses());
        prop_assert_eq!(twice.state, once.state);
    }

    #[test]
    fn trades_of_a_batch_may_come_in_any_order(session in of_trades(), keys in any::<[u64; 80]>()) {
        let is_trade = |frame: &Observation| matches!(frame, Observation::Trade(_));
        let trades = session.frames.iter().filter(|frame| is_trade(frame)).zip(keys);
        let mut trades: Vec<_> = trades.map(|(trade, key)| (key, *trade)).collect();
        trades.sort_by_key(|(key, _)| *key);
        let mut shuffled = trades.into_iter().map(|(_, trade)| trade);
        let frames = session.frames.iter();
        let frames = frames.map(|frame| if is_trade(frame) { shuffled.next().unwrap() } else { *frame });
        let permuted = run(&with_frames(&session, frames.collect()), &[]);
        let ordered = run(&session, &[]);
        prop_assert_eq!(permuted.bars(), ordered.bars());
        prop_assert_eq!(permuted.folded.tally, ordered.folded.tally);
        prop_assert_eq!(permuted.state, ordered.state);
    }

    #[test]
    fn the_bars_of_every_interval_add_up_to_the_trades(session in of_trades()) {
        let trades: Vec<_> = session.frames.iter().filter_map(|frame| match frame {
            Observation::Trade(trade) => Some(*trade),
            _ => None,
        }).collect();
        let run = Run::of(&session.settings, &session.frames);
        prop_assert_eq!(run.folded.tally.folded, trades.len() as u64);
        let bought = trades.iter().filter(|trade| trade.taker_side == Side::Buy);
        for interval in session.settings.intervals() {
            let bars = traded(&run, interval);
            let volumes = [
                sum(bars.iter().map(|bar| bar.volume)),
                sum(bars.iter().map(|bar| bar.taker_buy_volume)),
                sum(bars.iter().filter_map(|bar| bar.quote_volume)),
            ];
            prop_assert_eq!(volumes, [
                sum(trades.iter().map(|trade| trade.quantity)),
                sum(bought.clone().map(|trade| trade.quantity)),
                sum(trades.iter().filter_map(|trade| trade.quote_quantity)),
            ]);
            let executions: u64 = trades.iter().map(|trade| trade.count).sum();
            prop_assert_eq!(bars.iter().map(|bar| bar.trade_count).sum::<u64>(), executions);
        }
    }

    #[test]
    fn short_bars_roll_up_to_the_long_ones(session in of_trades()) {
        let run = Run::of(&session.settings, &session.frames);
        let length = |interval: Interval| interval.length_us().unwrap();
        for short in session.settings.intervals() {
            let parts = traded(&run, short);
            let multiple = |long: &Interval| *long > short && length(*long) % length(short) == 0;
            for long in session.settings.intervals().filter(multiple) {
                let closed = run.folded.closed.iter().filter(|closed| !closed.filled).map(|closed| closed.bar);
                for whole in closed.filter(|bar| bar.interval == long) {
                    let time = whole.open_time..=whole.close_time;
                    let parts = parts.iter().filter(|part| time.contains(&part.open_time));
                    let parts: Vec<_> = parts.copied().collect();
                    prop_assert_eq!(rolled_up(&parts, &whole), whole);
                }
            }
        }
    }

    #[test]
    fn bars_ascend_and_never_overlap(session in any_session()) {
        let run = Run::of(&session.settings, &session.frames);
        for interval in session.settings.intervals() {
            let bars = run.folded.closed.iter().map(|closed| closed.bar);
            let bars: Vec<_> = bars.filter(|bar| bar.interval == interval).collect();
            prop_assert!(bars.is_sorted_by(|one, next| one.close_time < next.open_time), "{bars:?}");
        }
    }

    #[test]
    fn a_state_that_was_cut_off_is_refused(session in any_session(), at in any::<Index>()) {
        let state = run(&session, &[]).state.unwrap();
        let cut = &state[..at.index(state.len())];
        prop_assert_eq!(Lane::restore(cut, &session.settings), Err(StateError::Damaged { at: cut.len() }));
    }

    #[test]
    fn a_damaged_state_is_answered(
        session in any_session(), damage in prop::collection::vec(any::<(Index, u8)>(), 1..4),
    ) {
        let mut state = run(&session, &[]).state.unwrap();
        for (at, byte) in damage {
            let at = at.index(state.len());
            state[at] = byte;
        }
        check_answered(&state, &session);
    }

    #[test]
    fn any_bytes_are_answered(session in any_session(), body in prop::collection::vec(any::<u8>(), 0..120)) {
        let BarSettings { market, source, .. } = session.settings;
        check_answered(&[&[VERSION, market as u8, source as u8][..], &body].concat(), &session);
        check_answered(&body, &session);
    }
}

/// Whatever is read can be saved, read again as the same, and gone on with.
fn check_answered(state: &[u8], session: &Session) {
    let Ok(mut lane) = Lane::restore(state, &session.settings) else { return };
    if let Some(saved) = lane.save(&session.settings) {
        assert_eq!(Lane::restore(&saved, &session.settings).as_ref(), Ok(&lane));
    }
    for observation in &session.frames {
        lane.observe(&session.settings, observation, &mut Folded::default());
    }
}
