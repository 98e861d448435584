//! The constraints of the API's model, and what the service says about fields that do not keep them.

use super::ApiError;

/// Longest name of a delivery stream.
const NAME_CHARS_MAX: usize = 64;
/// Characters of a name, as the model has them.
const NAME_PATTERN: &str = "[a-zA-Z0-9_.-]+";
/// Digits of a version.
const VERSION_PATTERN: &str = "[0-9]+";

/// What is wrong with the fields of a request, all of it.
#[derive(Debug, Default)]
pub(super) struct Check(Vec<String>);

impl Check {
    /// Refuses the request if anything is wrong.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::Validation(self.0)) }
    }

    /// A field must be there.
    pub(super) fn present(&mut self, field: &str, is_present: bool) {
        if !is_present {
            self.0.push(format!(
                "Value null at '{field}' failed to satisfy constraint: Member must not be null"
            ));
        }
    }

    /// A field must be the name of a delivery stream.
    pub(super) fn name(&mut self, field: &str, value: Option<&str>) {
        let of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        self.text(field, value, NAME_CHARS_MAX);
        self.pattern(field, value, (NAME_PATTERN, of_name));
    }

    /// A field must be a version.
    pub(super) fn version(&mut self, field: &str, value: Option<&str>) {
        self.text(field, value, 50);
        self.pattern(field, value, (VERSION_PATTERN, |byte| byte.is_ascii_digit()));
    }

    /// A field must be a text of 1 to `chars_max` characters.
    pub(super) fn text(&mut self, field: &str, value: Option<&str>, chars_max: usize) {
        self.present(field, value.is_some());
        let Some(value) = value else { return };
        if value.is_empty() {
            self.of(field, value, "Member must have length greater than or equal to 1");
        } else if value.chars().count() > chars_max {
            self.of(field, value, &format!("Member must have length less than or equal to {chars_max}"));
        }
    }

    /// A list or the bytes of a field must have a length in this range.
    pub(super) fn length(&mut self, field: &str, length: usize, (least, most): (usize, usize)) {
        let constraint = if length < least {
            format!("greater than or equal to {least}")
        } else if length > most {
            format!("less than or equal to {most}")
        } else {
            return;
        };
        self.0.push(format!(
            "Value at '{field}' failed to satisfy constraint: Member must have length {constraint}"
        ));
    }

    /// How many a page may have, from 1 to `most`. `None`: the request does not say.
    pub(super) fn limit(&mut self, value: Option<i64>, most: usize) -> Option<usize> {
        let value = value?;
        let limit = usize::try_from(value).ok().filter(|limit| (1..=most).contains(limit));
        if limit.is_none() {
            let constraint = if value < 1 {
                "greater than or equal to 1".to_owned()
            } else {
                format!("less than or equal to {most}")
            };
            self.of("limit", &value.to_string(), &format!("Member must have value {constraint}"));
        }
        limit
    }

    /// A text, if there is one, must be one of these.
    pub(super) fn one_of(&mut self, field: &str, value: Option<&str>, values: &[&str]) {
        if let Some(value) = value.filter(|value| !values.contains(value)) {
            self.of(field, value, &format!("Member must satisfy enum value set: [{}]", values.join(", ")));
        }
    }

    /// A text, if there is one, must be of these characters.
    fn pattern(&mut self, field: &str, value: Option<&str>, (pattern, is_of): (&str, impl Fn(u8) -> bool)) {
        if let Some(value) = value.filter(|value| !value.bytes().all(is_of)) {
            self.of(field, value, &format!("Member must satisfy regular expression pattern: {pattern}"));
        }
    }

    fn of(&mut self, field: &str, value: &str, constraint: &str) {
        self.0.push(format!("Value '{value}' at '{field}' failed to satisfy constraint: {constraint}"));
    }
}
