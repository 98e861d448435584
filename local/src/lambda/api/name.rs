//! The ways in which a caller may name a function: its name, its ARN, or the end of the ARN from the account on; each
//! with or without a version behind it.

use super::LATEST;
use super::refusal::Refusal;

/// A function as a caller names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named<'n> {
    /// Its name.
    pub(super) function: &'n str,
    /// What stands in front of the name: all of an ARN, its end, or nothing.
    prefix: &'n str,
}

impl Named<'_> {
    /// Whether this may be the function with this ARN: a region or account that is named is that of the function.
    pub(super) fn is_of(&self, arn: &str) -> bool {
        let Some(in_front) = arn.strip_suffix(self.function) else { return false };
        let is_end = |rest: &str| rest.is_empty() || rest.ends_with(':');
        in_front.ends_with(":function:")
            && (self.prefix.is_empty() || in_front.strip_suffix(self.prefix).is_some_and(is_end))
    }

    /// What the caller wrote, the version aside.
    pub(super) fn shown(&self) -> String {
        format!("{}{}", self.prefix, self.function)
    }
}

/// Reads a name, and a version from behind it or from the query of the call.
///
/// # Errors
/// When the version is none that there is.
pub(super) fn read<'n>(name: &'n str, query: Option<&str>) -> Result<Named<'n>, Refusal> {
    let (prefix, rest) = match name.find(":function:") {
        Some(at) => name.split_at(at + ":function:".len()),
        None => ("", name),
    };
    let (function, version) = rest.split_once(':').unwrap_or((rest, LATEST));
    let asked = query.and_then(qualifier).unwrap_or(LATEST);
    match [version, asked].into_iter().find(|version| *version != LATEST) {
        Some(other) => Err(Refusal::NotFound { name: format!("{prefix}{function}:{other}") }),
        None => Ok(Named { function, prefix }),
    }
}

/// `Qualifier` of a query. Only the one version there is needs its escape undone.
fn qualifier(query: &str) -> Option<&str> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("Qualifier="))?;
    Some(if value == "%24LATEST" { LATEST } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:my-function";

    /// Whether `name` is that of the function of [`ARN`].
    fn check(name: &str, expected: bool) {
        assert_eq!(read(name, None).is_ok_and(|named| named.is_of(ARN)), expected, "{name}");
    }

    // The forms of the parameter `FunctionName` in the API reference of Invoke.
    #[test]
    fn a_function_is_named_by_name_arn_or_partial_arn() {
        check("my-function", true);
        check(ARN, true);
        check("123456789012:function:my-function", true);
    }

    #[test]
    fn the_latest_version_is_the_only_one() {
        check("my-function:$LATEST", true);
        check("123456789012:function:my-function:$LATEST", true);
        check("my-function:v1", false);
        check("arn:aws:lambda:us-east-1:123456789012:function:my-function:7", false);
    }

    #[test]
    fn another_account_or_region_is_another_function() {
        check("000000000000:function:my-function", false);
        check("12:function:my-function", false);
        check("arn:aws:lambda:eu-west-1:123456789012:function:my-function", false);
        check("function", false);
        check("", false);
    }

    #[test]
    fn the_version_may_stand_in_the_query() {
        assert!(read("my-function", Some("Qualifier=%24LATEST")).is_ok());
        assert!(read("my-function", Some("a=b&Qualifier=$LATEST")).is_ok());
        let refusal = Refusal::NotFound { name: "my-function:v1".to_owned() };
        assert_eq!(read("my-function", Some("Qualifier=v1")), Err(refusal));
    }
}
