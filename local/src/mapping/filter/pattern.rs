//! What a filter pattern says: the operators of "Filter rule syntax".

use super::node::{Node, Scalar};
use super::{DATA, FilterError};

/// The key whose value is a list of patterns of which one has to match.
const OR: &str = "$or";
/// Numbers that are compared, either way from zero: what lies outside is neither compared nor taken in a pattern.
const NUMBER_MAX: f64 = 5.0e9;
/// What may stand under a key.
const RULES: &str = "an object, or a list of values and of objects with one operator";
/// The operators.
const OPERATORS: &str =
    "one of the operators anything-but, equals-ignore-case, exists, numeric, prefix, suffix";

/// An object of a pattern. Everything in it has to match.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern {
    fields: Vec<(String, Rule)>,
    /// Of each list one pattern has to match.
    alternatives: Vec<Vec<Pattern>>,
}

/// What stands under a key.
#[derive(Debug, Clone, PartialEq)]
enum Rule {
    Inside(Pattern),
    /// One of the tests has to hold.
    AnyOf(Vec<Test>),
}

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    Equals(Scalar),
    EqualsIgnoreCase(String),
    Prefix(String),
    Suffix(String),
    AnythingBut(Vec<Unwanted>),
    Numeric(Vec<Comparison>),
    Exists(bool),
}

/// What a value must not be.
#[derive(Debug, Clone, PartialEq)]
enum Unwanted {
    Value(Scalar),
    Prefix(String),
    Suffix(String),
}

/// A comparison of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Comparison {
    operator: Operator,
    bound: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A place in a pattern, to name it in an error.
struct Place<'p> {
    path: &'p str,
    node: &'p Node,
}

impl Place<'_> {
    fn expected(&self, expected: &'static str) -> FilterError {
        FilterError::Rule { path: self.path.to_owned(), expected, found: self.node.describe() }
    }

    fn text(&self) -> Result<String, FilterError> {
        match self.node {
            Node::Scalar(Scalar::Text(text)) => Ok(text.clone()),
            _ => Err(self.expected("a string")),
        }
    }

    /// The elements of a list that has some.
    fn elements(&self, expected: &'static str) -> Result<&[Node], FilterError> {
        match self.node {
            Node::List(elements) if !elements.is_empty() => Ok(elements),
            _ => Err(self.expected(expected)),
        }
    }

    /// The one key of an object, with its value.
    fn only_entry(&self) -> Result<(&str, &Node), FilterError> {
        match self.node {
            Node::Object(entries) => match entries.as_slice() {
                [(key, value)] => Ok((key, value)),
                _ => Err(self.expected("an object with one operator")),
            },
            _ => Err(self.expected(RULES)),
        }
    }
}

impl Pattern {
    /// Reads an object of a pattern.
    ///
    /// # Errors
    /// At the first place that says nothing.
    pub(super) fn parse(node: &Node, path: &str) -> Result<Self, FilterError> {
        let place = Place { path, node };
        let Node::Object(entries) = node else { return Err(place.expected("an object")) };
        if entries.is_empty() {
            return Err(place.expected("an object with a key"));
        }
        let mut pattern = Self { fields: Vec::new(), alternatives: Vec::new() };
        for (key, value) in entries {
            let path = join(path, key);
            let place = Place { path: &path, node: value };
            if key == OR {
                pattern.alternatives.push(alternatives(&place)?);
            } else {
                pattern.fields.push((key.clone(), Rule::parse(&place)?));
            }
        }
        Ok(pattern)
    }

    /// Whether a field of this name is asked for, here or in an alternative.
    pub(super) fn names(&self, field: &str) -> bool {
        self.fields.iter().any(|(name, _)| name == field)
            || self.alternatives.iter().flatten().any(|pattern| pattern.names(field))
    }

    /// Checks that the data of a record is asked for with an object: it is compared as JSON.
    ///
    /// # Errors
    /// When there is a list under `data`.
    pub(super) fn check_data(&self, path: &str) -> Result<(), FilterError> {
        for (name, rule) in &self.fields {
            if let (DATA, Rule::AnyOf(tests)) = (name.as_str(), rule) {
                let expected = "an object: data is compared as JSON";
                let found = format!("a list of {}", tests.len());
                return Err(FilterError::Rule { path: join(path, DATA), expected, found });
            }
        }
        let path = join(path, OR);
        self.alternatives.iter().flatten().try_for_each(|pattern| pattern.check_data(&path))
    }

    /// Whether a value matches.
    pub(super) fn matches(&self, node: &Node) -> bool {
        self.fields.iter().all(|(name, rule)| rule.matches(node.get(name)))
            && self.alternatives.iter().all(|patterns| patterns.iter().any(|pattern| pattern.matches(node)))
    }
}

/// Reads the list under `$or`.
fn alternatives(place: &Place<'_>) -> Result<Vec<Pattern>, FilterError> {
    let expected = "a list of two objects or more";
    let patterns = place.elements(expected)?;
    if patterns.len() < 2 {
        return Err(place.expected(expected));
    }
    patterns.iter().map(|pattern| Pattern::parse(pattern, place.path)).collect()
}

impl Rule {
    fn parse(place: &Place<'_>) -> Result<Self, FilterError> {
        if matches!(place.node, Node::Object(_)) {
            return Ok(Self::Inside(Pattern::parse(place.node, place.path)?));
        }
        let tests = place.elements(RULES)?.iter();
        let tests = tests.map(|node| Test::parse(&Place { path: place.path, node }));
        Ok(Self::AnyOf(tests.collect::<Result<_, _>>()?))
    }

    fn matches(&self, node: Option<&Node>) -> bool {
        match self {
            Self::AnyOf(tests) => {
                let values = node.map(scalars).unwrap_or_default();
                tests.iter().any(|test| test.holds(&values))
            }
            Self::Inside(pattern) => match node {
                Some(Node::List(elements)) if elements.iter().any(is_object) => elements
                    .iter()
                    .filter(|element| is_object(element))
                    .any(|element| pattern.matches(element)),
                Some(object @ Node::Object(_)) => pattern.matches(object),
                // There is nothing inside; a pattern may want just that.
                _ => pattern.matches(&Node::Object(Vec::new())),
            },
        }
    }
}

const fn is_object(node: &Node) -> bool {
    matches!(node, Node::Object(_))
}

/// The values at the end of a path: several in a list, none where the path goes on.
fn scalars(node: &Node) -> Vec<&Scalar> {
    match node {
        Node::Scalar(scalar) => vec![scalar],
        Node::List(elements) => elements.iter().flat_map(scalars).collect(),
        Node::Object(_) => Vec::new(),
    }
}

impl Test {
    fn parse(place: &Place<'_>) -> Result<Self, FilterError> {
        if let Node::Scalar(scalar) = place.node {
            return Ok(Self::Equals(scalar.clone()));
        }
        let (operator, operand) = place.only_entry()?;
        let path = join(place.path, operator);
        let operand = Place { path: &path, node: operand };
        match operator {
            "anything-but" => Ok(Self::AnythingBut(unwanted(&operand)?)),
            "equals-ignore-case" => Ok(Self::EqualsIgnoreCase(operand.text()?.to_lowercase())),
            "exists" => match operand.node {
                Node::Scalar(Scalar::Bool(exists)) => Ok(Self::Exists(*exists)),
                _ => Err(operand.expected("true or false")),
            },
            "numeric" => Ok(Self::Numeric(comparisons(&operand)?)),
            "prefix" => Ok(Self::Prefix(operand.text()?)),
            "suffix" => Ok(Self::Suffix(operand.text()?)),
            other => {
                let (path, found) = (place.path.to_owned(), format!("{other:?}"));
                Err(FilterError::Rule { path, expected: OPERATORS, found })
            }
        }
    }

    /// Whether one of the values is what is asked for; of no value only that it does not exist.
    fn holds(&self, values: &[&Scalar]) -> bool {
        match self {
            Self::Exists(exists) => *exists != values.is_empty(),
            _ => values.iter().any(|value| self.takes(value)),
        }
    }

    fn takes(&self, value: &Scalar) -> bool {
        match (self, value) {
            (Self::Equals(wanted), _) => wanted == value,
            (Self::AnythingBut(unwanted), _) => !unwanted.iter().any(|unwanted| unwanted.is(value)),
            (Self::EqualsIgnoreCase(wanted), Scalar::Text(text)) => text.to_lowercase() == *wanted,
            (Self::Prefix(prefix), Scalar::Text(text)) => text.starts_with(prefix),
            (Self::Suffix(suffix), Scalar::Text(text)) => text.ends_with(suffix),
            (Self::Numeric(comparisons), Scalar::Number(digits)) => number(digits)
                .is_some_and(|number| comparisons.iter().all(|comparison| comparison.holds(number))),
            _ => false,
        }
    }
}

/// Reads the operand of `anything-but`: a value, a list of values, or a beginning or an end.
fn unwanted(place: &Place<'_>) -> Result<Vec<Unwanted>, FilterError> {
    const EXPECTED: &str = "a value, a list of strings and numbers, or an object with prefix or suffix";
    let value = |node: &Node| match node {
        Node::Scalar(scalar @ (Scalar::Text(_) | Scalar::Number(_))) => Some(Unwanted::Value(scalar.clone())),
        _ => None,
    };
    let unwanted = match place.node {
        Node::Object(_) => Some(vec![unwanted_part(place)?]),
        Node::List(elements) if !elements.is_empty() => elements.iter().map(value).collect(),
        node => value(node).map(|value| vec![value]),
    };
    unwanted.ok_or_else(|| place.expected(EXPECTED))
}

fn unwanted_part(place: &Place<'_>) -> Result<Unwanted, FilterError> {
    let (part, operand) = place.only_entry()?;
    let path = join(place.path, part);
    let operand = Place { path: &path, node: operand };
    match part {
        "prefix" => Ok(Unwanted::Prefix(operand.text()?)),
        "suffix" => Ok(Unwanted::Suffix(operand.text()?)),
        other => Err(FilterError::Rule {
            path: place.path.to_owned(),
            expected: "prefix or suffix",
            found: format!("{other:?}"),
        }),
    }
}

impl Unwanted {
    fn is(&self, value: &Scalar) -> bool {
        match (self, value) {
            (Self::Value(unwanted), _) => unwanted == value,
            (Self::Prefix(prefix), Scalar::Text(text)) => text.starts_with(prefix),
            (Self::Suffix(suffix), Scalar::Text(text)) => text.ends_with(suffix),
            _ => false,
        }
    }
}

/// Reads the operand of `numeric`: an operator and a number, or both ends of a range.
fn comparisons(place: &Place<'_>) -> Result<Vec<Comparison>, FilterError> {
    const EXPECTED: &str = "an operator (=, <, <=, >, >=) and a number from -5.0e9 to 5.0e9, or the lower and the upper end of a range";
    let comparison = |operator: &Node, bound: &Node| {
        let (Node::Scalar(Scalar::Text(operator)), Node::Scalar(Scalar::Number(bound))) = (operator, bound)
        else {
            return None;
        };
        Some(Comparison { operator: Operator::parse(operator)?, bound: number(bound)? })
    };
    let comparisons = match place.elements(EXPECTED)? {
        [operator, bound] => comparison(operator, bound).map(|comparison| vec![comparison]),
        [lower_operator, lower, upper_operator, upper] => {
            let range = comparison(lower_operator, lower).zip(comparison(upper_operator, upper));
            range.filter(|(lower, upper)| is_range(*lower, *upper)).map(|(lower, upper)| vec![lower, upper])
        }
        _ => None,
    };
    comparisons.ok_or_else(|| place.expected(EXPECTED))
}

fn is_range(lower: Comparison, upper: Comparison) -> bool {
    matches!(lower.operator, Operator::Greater | Operator::GreaterOrEqual)
        && matches!(upper.operator, Operator::Less | Operator::LessOrEqual)
        && lower.bound < upper.bound
}

/// A number that can be compared: with 15 digits, as the rules have it, which a double has.
fn number(digits: &str) -> Option<f64> {
    digits.parse().ok().filter(|number: &f64| number.abs() <= NUMBER_MAX)
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "=" => Some(Self::Equal),
            "<" => Some(Self::Less),
            "<=" => Some(Self::LessOrEqual),
            ">" => Some(Self::Greater),
            ">=" => Some(Self::GreaterOrEqual),
            _ => None,
        }
    }
}

impl Comparison {
    #[expect(clippy::float_cmp, reason = "`=` asks for the same number")]
    fn holds(self, number: f64) -> bool {
        match self.operator {
            Operator::Equal => number == self.bound,
            Operator::Less => number < self.bound,
            Operator::LessOrEqual => number <= self.bound,
            Operator::Greater => number > self.bound,
            Operator::GreaterOrEqual => number >= self.bound,
        }
    }
}

/// The path of a key.
fn join(path: &str, key: &str) -> String {
    if path == "$" { key.to_owned() } else { format!("{path}.{key}") }
}
