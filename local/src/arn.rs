//! Parts of an Amazon Resource Name: `arn:partition:service:region:account:resource`.

/// The region; empty where the resource has none.
pub(crate) fn region(arn: &str) -> &str {
    part(arn, 3)
}

/// The account's number; empty where the resource has none.
pub(crate) fn account(arn: &str) -> &str {
    part(arn, 4)
}

/// The name of a resource that is written `type/name`, as a stream's is; all of a text that has no such form.
pub(crate) fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn part(arn: &str, place: usize) -> &str {
    arn.split(':').nth(place).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_the_documentation() {
        let arn = "arn:aws:kinesis:us-east-1:123456789012:stream/exampleStreamName";
        assert_eq!(
            (region(arn), account(arn), name(arn)),
            ("us-east-1", "123456789012", "exampleStreamName")
        );
        let bucket = "arn:aws:s3:::amzn-s3-demo-bucket";
        assert_eq!((region(bucket), account(bucket)), ("", ""));
        assert_eq!((region("exampleStreamName"), name("exampleStreamName")), ("", "exampleStreamName"));
    }
}
