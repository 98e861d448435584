//! The order of a batch.

use super::*;

/// The ids of trades, and `0` for other frames, before and after; a lane that has folded `watermark`.
fn check_order(watermark: u64, came: &[u64], expected: &[u64]) {
    let first = trade(watermark, "09:30", "10", "1");
    let lane = Run::of(&spot("1m"), &[first]).lane;
    let frame = |&id: &u64| if id == 0 { clock("09:30:01") } else { trade(id, "09:30:01", "10", "1") };
    let mut batch: Vec<_> = came.iter().map(frame).collect();
    lane.in_id_order(&mut batch);
    assert_eq!(batch, expected.iter().map(frame).collect::<Vec<_>>(), "{came:?}");
}

#[test]
fn trades_in_order_stay() {
    check_order(1, &[2, 0, 3, 3, 0, 5], &[2, 0, 3, 3, 0, 5]);
}

#[test]
fn trades_take_the_places_of_trades() {
    check_order(1, &[4, 0, 2, 0, 0, 3], &[2, 0, 3, 0, 0, 4]);
}

#[test]
fn what_was_folded_before_stays_where_it_will_be_left_out() {
    check_order(5, &[7, 0, 2, 0, 6], &[6, 0, 2, 0, 7]);
    check_order(5, &[7, 0, 2, 5], &[7, 0, 2, 5]);
}

/// Were the second 2 sorted beside the first, 3 would move behind the frames that followed it.
#[test]
fn a_repetition_moves_nothing() {
    check_order(1, &[2, 0, 3, 0, 2], &[2, 0, 3, 0, 3]);
    check_order(1, &[4, 4, 0, 2, 3, 2], &[2, 2, 0, 3, 4, 4]);
}

/// It is refused wherever it stands.
#[test]
fn a_trade_that_will_be_refused_stays() {
    let unsound = trade(2, "09:30:01", "0", "1");
    let mut batch = [trade(4, "09:30:01", "10", "1"), unsound, trade(3, "09:30:01", "10", "1")];
    Lane::new(&spot("1m")).in_id_order(&mut batch);
    assert_eq!(batch, [trade(3, "09:30:01", "10", "1"), unsound, trade(4, "09:30:01", "10", "1")]);
}
