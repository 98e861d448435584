//! `TagDeliveryStream`, `UntagDeliveryStream` and `ListTagsForDeliveryStream`: tags change nothing, but tools that
//! deploy ask for those that they gave.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::ApiError;
use super::check::Check;

/// Most tags of a delivery stream.
pub(super) const TAGS_MAX: usize = 50;
/// Longest key.
const KEY_CHARS_MAX: usize = 128;

/// One tag. A value may be missing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    value: Option<String>,
}

/// Tags of all delivery streams.
#[derive(Debug, Default)]
pub(super) struct Tags(BTreeMap<String, BTreeMap<String, Option<String>>>);

impl Tags {
    /// Adds tags to a delivery stream; those that it has get their new value.
    pub(super) fn add(&mut self, stream: &str, tags: Vec<Tag>) -> Result<(), ApiError> {
        let of_stream = self.0.entry(stream.to_owned()).or_default();
        let added = tags.iter().filter(|tag| !of_stream.contains_key(&tag.key)).count();
        if of_stream.len() + added > TAGS_MAX {
            return Err(ApiError::LimitExceeded(format!(
                "expected at most {TAGS_MAX} tags of a Firehose, were {}",
                of_stream.len() + added
            )));
        }
        of_stream.extend(tags.into_iter().map(|tag| (tag.key, tag.value)));
        Ok(())
    }

    /// Removes tags from a delivery stream.
    pub(super) fn remove(&mut self, stream: &str, keys: &[String]) {
        if let Some(of_stream) = self.0.get_mut(stream) {
            of_stream.retain(|key, _| !keys.contains(key));
        }
    }

    /// Forgets a delivery stream.
    pub(super) fn forget(&mut self, stream: &str) {
        self.0.remove(stream);
    }

    /// The answer to `ListTagsForDeliveryStream`: tags behind a key, by key.
    pub(super) fn list(&self, stream: &str, behind: Option<&str>, limit: usize) -> Value {
        let tags = self.0.get(stream).into_iter().flatten();
        let mut tags: Vec<_> =
            tags.filter(|(key, _)| behind.is_none_or(|behind| key.as_str() > behind)).collect();
        let has_more = tags.len() > limit;
        tags.truncate(limit);
        let tag = |(key, value): (&String, &Option<String>)| match value {
            Some(value) => json!({"Key": key, "Value": value}),
            None => json!({"Key": key}),
        };
        json!({"Tags": tags.into_iter().map(tag).collect::<Vec<_>>(), "HasMoreTags": has_more})
    }
}

/// The tags of a request.
pub(super) fn of(request: &Value) -> Result<Vec<Tag>, ApiError> {
    let tags = request.get("Tags").filter(|tags| !tags.is_null()).cloned();
    let Some(tags) = tags else { return Ok(Vec::new()) };
    let tags: Vec<Tag> = serde_json::from_value(tags).map_err(ApiError::Serialization)?;
    let mut check = Check::default();
    check.length("tags", tags.len(), (1, TAGS_MAX));
    for (index, tag) in tags.iter().enumerate() {
        check.text(&format!("tags.{}.member.key", index + 1), Some(&tag.key), KEY_CHARS_MAX);
    }
    check.finish()?;
    Ok(tags)
}
