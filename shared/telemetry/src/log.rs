//! Structured logs: one JSON document a line on standard output, beside the metrics.

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging what is as severe as `level` or more, and of which `is_news` is true.
///
/// # Panics
/// When logging has started already.
pub fn start(level: LevelFilter, is_news: fn(&Metadata<'_>) -> bool) {
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false);
    tracing_subscriber::registry().with(lines).with(level).with(filter_fn(is_news)).init();
}
