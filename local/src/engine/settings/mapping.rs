//! Event source mappings, made ready to run.

use uuid::Uuid;

use super::{SettingsError, interval, number};
use crate::arn;
use crate::mapping::{Filter, Settings};
use crate::streams::Position;
use crate::template::{Function, Mapping, StartingPosition, Stream};

/// Makes an event source mapping ready to run, with its function and its stream.
///
/// # Errors
/// When a filter is none.
pub(crate) fn mapping(
    mapping: &Mapping,
    function: &Function,
    stream: &Stream,
) -> Result<Settings, SettingsError> {
    let name = format!("{}\n{}", function.arn, mapping.logical_id);
    let filters = Filter::parse_all(mapping.filters.iter().map(String::as_str));
    let failed = |source| SettingsError::Filter { mapping: mapping.logical_id.clone(), source };
    Ok(Settings {
        // AWS draws it; here it follows from what the mapping is.
        uuid: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
        function_arn: function.arn.clone(),
        // The role's own name is known to the deployed stack alone.
        role_arn: format!("arn:aws:iam::{}:role/{}", arn::account(&function.arn), function.name),
        stream_arn: stream.arn.clone(),
        region: arn::region(&stream.arn).to_owned(),
        batch_records: number(mapping.batch_size.into()),
        window: interval(mapping.window),
        lanes: mapping.parallelization_factor,
        bisect: mapping.bisect,
        retries: mapping.retries,
        record_age_max: mapping.record_age_max.map(interval),
        report_failures: mapping.report_failures,
        filters: filters.map_err(failed)?,
    })
}

/// Where in a stream a mapping begins. The streams of a run are empty when it begins: the newest record is the oldest.
pub(crate) const fn position(mapping: &Mapping) -> Position {
    match mapping.starting_position {
        StartingPosition::TrimHorizon | StartingPosition::Latest => Position::TrimHorizon,
        StartingPosition::AtTimestamp(time) => Position::AtTimestamp(time),
    }
}
