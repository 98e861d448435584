//! Says which known name a wrong one may have been meant to be.

/// Longest name that is compared, in bytes: the names of AWS are shorter.
const NAME_BYTES_MAX: usize = 100;

/// Names up to this length may have one wrong letter, longer ones two.
const SHORT_NAME_BYTES: usize = 5;

/// ` (did you mean X?)`, when one of the known names is close to `word`; otherwise nothing.
pub(super) fn hint<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    if word.len() > NAME_BYTES_MAX {
        return String::new();
    }
    let letters_max = if word.len() > SHORT_NAME_BYTES { 2 } else { 1 };
    let close = known.into_iter().filter(|name| name.len() <= NAME_BYTES_MAX && *name != word);
    let close = close.map(|name| (distance(word, name), name));
    let nearest = close.filter(|(letters, _)| *letters <= letters_max).min_by_key(|(letters, _)| *letters);
    nearest.map_or_else(String::new, |(_, name)| format!(" (did you mean {name}?)"))
}

/// Letters to add, leave out or replace to make one word of the other; capitals are the same letters.
fn distance(one: &str, other: &str) -> usize {
    let mut above: Vec<usize> = (0..=other.chars().count()).collect();
    for (row, left) in one.chars().enumerate() {
        let mut before = row.saturating_add(1);
        let mut current = Vec::with_capacity(above.len());
        current.push(before);
        for (right, pair) in other.chars().zip(above.windows(2)) {
            let &[diagonal, over] = pair else { continue };
            let replaced = diagonal.saturating_add(usize::from(!left.eq_ignore_ascii_case(&right)));
            before = replaced.min(over.saturating_add(1)).min(before.saturating_add(1));
            current.push(before);
        }
        above = current;
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hint for `word` among some names of properties.
    fn check(word: &str, expected: &str) {
        assert_eq!(hint(word, ["Prefix", "BucketARN", "Tags", "ErrorOutputPrefix"]), expected, "{word}");
    }

    #[test]
    fn close_names_are_suggested() {
        check("Prefx", " (did you mean Prefix?)");
        check("BucketArn", " (did you mean BucketARN?)");
        check("Tag", " (did you mean Tags?)");
        check("ErorOutputPrefx", " (did you mean ErrorOutputPrefix?)");
    }

    #[test]
    fn distant_names_are_not() {
        check("Colour", "");
        check("Tg", "");
        check("", "");
        check(&"x".repeat(1_000), "");
    }

    #[test]
    fn letters_are_counted() {
        for (one, other, letters) in
            [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0), ("abc", "ABD", 1)]
        {
            assert_eq!(distance(one, other), letters, "{one} {other}");
        }
    }
}
