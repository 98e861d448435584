//! Values of the template's parameters: defaults, the caller's values, and the constraints on both.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::error::{Fault, quoted};
use super::spelling::hint;
use super::value::{Data, Property, Value};
use super::yaml::{Kind, Node};

/// The types that are no names of resources.
const TYPES: [&str; 4] = ["String", "Number", "CommaDelimitedList", "List<Number>"];

/// Properties of a declaration.
const KNOWN: [&str; 11] = [
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
];

/// Parameters by name.
pub(super) type Parameters = BTreeMap<String, Value>;

/// Gives every parameter of the template its value.
pub(super) fn resolve(template: &Node, given: &BTreeMap<String, String>) -> Result<Parameters, Fault> {
    let declared = template.get("Parameters").map(Node::entries).unwrap_or_default();
    if let Some(name) = given.keys().find(|name| !declared.iter().any(|(known, _)| known == *name)) {
        let known: Vec<&str> = declared.iter().map(|(known, _)| known.as_str()).collect();
        let hint = hint(name, known.iter().copied());
        let expected = format!("one of the template's parameters ({}){hint}", known.join(", "));
        return Err(Fault::parameter(name, expected, "none of them"));
    }
    let resolved = declared.iter().map(|(name, node)| {
        let declaration = literal(node, &format!("Parameters.{name}"))?;
        let property = Property::new(format!("Parameters.{name}"), &declaration);
        property.only(&KNOWN)?;
        Ok((name.clone(), Declaration { name, property }.value(given.get(name).map(String::as_str))?))
    });
    resolved.collect()
}

/// Turns a node without functions into a value: AWS allows none in the declaration of a parameter.
fn literal(node: &Node, path: &str) -> Result<Value, Fault> {
    if let Some(tag) = &node.tag {
        return Err(Fault::invalid((node.line, path), "a literal", format!("!{tag}")));
    }
    let data = match &node.kind {
        Kind::Null => Data::Text(String::new()),
        Kind::Scalar(text) => Data::Text(text.clone()),
        Kind::List(items) => {
            let items = items.iter().enumerate().map(|(at, item)| literal(item, &format!("{path}[{at}]")));
            Data::List(items.collect::<Result<_, _>>()?)
        }
        Kind::Map(entries) => {
            let entry =
                |(key, node): &(String, Node)| Ok((key.clone(), literal(node, &format!("{path}.{key}"))?));
            Data::Map(entries.iter().map(entry).collect::<Result<_, Fault>>()?)
        }
    };
    Ok(Value { line: node.line, data })
}

/// What the template says about one parameter.
struct Declaration<'a> {
    name: &'a str,
    property: Property<'a>,
}

impl Declaration<'_> {
    /// The parameter's value.
    fn value(&self, given: Option<&str>) -> Result<Value, Fault> {
        let default = self.property.get("Default");
        let text = match given {
            Some(text) => text,
            None => default.text()?.ok_or_else(|| default.expected("a text, as no value was given"))?,
        };
        let is_secret = self.property.get("NoEcho").flag()?.unwrap_or(false);
        let refuse = |expected: String| match given {
            _ if is_secret => Fault::parameter(self.name, expected, "another value, which is not echoed"),
            Some(_) => Fault::parameter(self.name, expected, quoted(text)),
            None => default.expected(expected),
        };
        let list = self.is_list()?;
        let parts: Vec<&str> =
            if list { text.split(',').map(str::trim).collect() } else { Vec::from([text]) };
        for part in &parts {
            if let Some(expected) = self.violation(part)? {
                return Err(refuse(expected));
            }
        }
        Ok(Value { line: default.line, data: self.data(&parts, list) })
    }

    /// The value as `Ref` gives it.
    fn data(&self, parts: &[&str], list: bool) -> Data {
        let text = |part: &&str| Data::Text((*part).to_owned());
        if list {
            let line = self.property.line;
            Data::List(parts.iter().map(|part| Value { line, data: text(part) }).collect())
        } else {
            parts.first().map_or_else(|| Data::Text(String::new()), text)
        }
    }

    /// Whether the value is a list.
    fn is_list(&self) -> Result<bool, Fault> {
        let kind = self.property.get("Type");
        match kind.required_text()? {
            "String" | "Number" | "AWS::SSM::Parameter::Name" => Ok(false),
            "CommaDelimitedList" | "List<Number>" => Ok(true),
            text if text.starts_with("AWS::SSM::Parameter::Value<") => {
                Err(kind.unsupported("a value from the parameter store (one given as a String is)"))
            }
            text if text.starts_with("List<AWS::") => Ok(true),
            text if text.starts_with("AWS::") => Ok(false),
            text => {
                let hint = hint(text, TYPES);
                Err(kind.expected(format!("a type of AWS's, such as {}{hint}", TYPES.join(", "))))
            }
        }
    }

    /// What the constraints ask for, when `text` breaks one of them.
    fn violation(&self, text: &str) -> Result<Option<String>, Fault> {
        if let Some(expected) = self.not_allowed(text)?.or(self.wrong_length(text)?) {
            return Ok(Some(self.described(expected)?));
        }
        if self.property.get("Type").required_text()?.contains("Number")
            && let Some(expected) = self.wrong_number(text)?
        {
            return Ok(Some(self.described(expected)?));
        }
        Ok(None)
    }

    /// `ConstraintDescription`, which the template's author wrote for this moment, or else what was found out.
    fn described(&self, expected: String) -> Result<String, Fault> {
        let description = self.property.get("ConstraintDescription").text()?;
        Ok(description.map_or(expected, |text| text.trim_start_matches("must be ").to_owned()))
    }

    /// `AllowedValues` and `AllowedPattern`.
    fn not_allowed(&self, text: &str) -> Result<Option<String>, Fault> {
        let values: Vec<&str> = self
            .property
            .get("AllowedValues")
            .items()?
            .iter()
            .map(Property::required_text)
            .collect::<Result<_, _>>()?;
        if !values.is_empty() && !values.contains(&text) {
            return Ok(Some(format!("one of {}", values.join(", "))));
        }
        let pattern = self.property.get("AllowedPattern");
        let Some(source) = pattern.text()? else { return Ok(None) };
        // The whole value must match.
        let whole =
            Regex::new(&format!("^(?:{source})$")).map_err(|_| pattern.expected("a regular expression"))?;
        Ok((!whole.is_match(text)).then(|| format!("a text that matches {source}")))
    }

    /// `MinLength` and `MaxLength`, in characters.
    fn wrong_length(&self, text: &str) -> Result<Option<String>, Fault> {
        let min = self.property.get("MinLength").number(0..=usize::MAX)?.unwrap_or(0);
        let max = self.property.get("MaxLength").number(0..=usize::MAX)?.unwrap_or(usize::MAX);
        let length = text.chars().count();
        Ok((!(min..=max).contains(&length)).then(|| format!("{min} to {max} characters long")))
    }

    /// `Number`, `MinValue` and `MaxValue`.
    fn wrong_number(&self, text: &str) -> Result<Option<String>, Fault> {
        let every = f64::MIN..=f64::MAX;
        let min = self.property.get("MinValue").number(every.clone())?;
        let max = self.property.get("MaxValue").number(every)?;
        let range = min.unwrap_or(f64::MIN)..=max.unwrap_or(f64::MAX);
        if text.parse::<f64>().is_ok_and(|number| range.contains(&number)) {
            return Ok(None);
        }
        Ok(Some(match (min, max) {
            (Some(min), Some(max)) => format!("a number from {min} to {max}"),
            (Some(min), None) => format!("a number from {min}"),
            (None, Some(max)) => format!("a number up to {max}"),
            (None, None) => "a number".to_owned(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    /// The value of the parameter `P` declared by `declaration`, or the message of the fault.
    fn check(declaration: &str, given: Option<&str>) -> Result<Data, String> {
        let template = yaml::parse(&format!("Parameters:\n  P: {{ {declaration} }}\n")).unwrap();
        let given = given.map(|value| ("P".to_owned(), value.to_owned())).into_iter().collect();
        let parameters =
            resolve(&template, &given).map_err(|fault| fault.into_error("t.yaml").to_string())?;
        Ok(parameters["P"].data.clone())
    }

    /// The value of `P` is this text.
    fn gives(declaration: &str, given: Option<&str>, text: &str) {
        assert_eq!(check(declaration, given), Ok(Data::Text(text.to_owned())));
    }

    /// The value of `P` is refused with this message.
    fn refuses(declaration: &str, given: Option<&str>, message: &str) {
        assert_eq!(check(declaration, given), Err(message.to_owned()));
    }

    #[test]
    fn the_given_value_replaces_the_default() {
        gives("Type: String, Default: a", None, "a");
        gives("Type: String, Default: a", Some("b"), "b");
    }

    #[test]
    fn a_value_is_needed() {
        let expected = "t.yaml:2: `Parameters.P.Default` must be a text, as no value was given, was absent";
        refuses("Type: String", None, expected);
    }

    #[test]
    fn allowed_values_are_the_only_ones() {
        let declaration = "Type: String, Default: spot, AllowedValues: [spot, usdm]";
        refuses(declaration, Some("coinm"), "parameter P must be one of spot, usdm, was \"coinm\"");
    }

    #[test]
    fn a_bad_default_names_its_line() {
        let expected = "t.yaml:2: `Parameters.P.Default` must be one of a, was \"b\"";
        refuses("Type: String, Default: b, AllowedValues: [a]", None, expected);
    }

    #[test]
    fn the_whole_value_must_match_the_pattern() {
        let declaration = "Type: String, Default: a, AllowedPattern: '[a-c]|d'";
        gives(declaration, Some("d"), "d");
        let expected = "parameter P must be a text that matches [a-c]|d, was \"ad\"";
        refuses(declaration, Some("ad"), expected);
    }

    #[test]
    fn the_constraint_is_described_as_its_author_did() {
        let declaration =
            "Type: String, Default: a, AllowedPattern: '[a-z]', ConstraintDescription: must be a letter";
        refuses(declaration, Some("1"), "parameter P must be a letter, was \"1\"");
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let declaration = "Type: Number, Default: 24, MinValue: 24, MaxValue: 8760";
        gives(declaration, Some("24"), "24");
        let expected = "parameter P must be a number from 24 to 8760, was \"23\"";
        refuses(declaration, Some("23"), expected);
        assert!(check(declaration, Some("many")).is_err());
    }

    #[test]
    fn lengths_are_in_characters() {
        let declaration = "Type: String, Default: é, MinLength: 1, MaxLength: 2";
        gives(declaration, Some("éé"), "éé");
        refuses(declaration, Some(""), "parameter P must be 1 to 2 characters long, was \"\"");
    }

    #[test]
    fn lists_are_cut_at_commas() {
        let Ok(Data::List(items)) = check("Type: CommaDelimitedList, Default: 'a, b'", None) else {
            panic!("no list")
        };
        assert_eq!(
            items.iter().map(|item| item.data.clone()).collect::<Vec<_>>(),
            [Data::Text("a".to_owned()), Data::Text("b".to_owned())]
        );
    }

    #[test]
    fn unknown_names_are_refused() {
        let template = yaml::parse("Parameters:\n  Market: { Type: String, Default: spot }\n").unwrap();
        let given = BTreeMap::from([("Markt".to_owned(), "usdm".to_owned())]);
        let message = resolve(&template, &given).unwrap_err().into_error("t.yaml").to_string();
        assert_eq!(
            message,
            "parameter Markt must be one of the template's parameters (Market) (did you mean Market?), was none of them"
        );
    }

    #[test]
    fn secrets_are_not_repeated() {
        let declaration = "Type: String, NoEcho: true, Default: a, MaxLength: 3";
        gives(declaration, Some("abc"), "abc");
        let expected = "parameter P must be 0 to 3 characters long, was another value, which is not echoed";
        refuses(declaration, Some("secret"), expected);
    }

    #[test]
    fn every_number_of_a_list_is_checked() {
        let declaration = "Type: List<Number>, Default: '1,2', MaxValue: 5";
        assert!(matches!(check(declaration, Some("1, 2.5,5")), Ok(Data::List(items)) if items.len() == 3));
        refuses(declaration, Some("1,6"), "parameter P must be a number up to 5, was \"1,6\"");
        refuses(declaration, Some("1,x"), "parameter P must be a number up to 5, was \"1,x\"");
    }

    #[test]
    fn names_of_resources_are_texts() {
        gives("Type: 'AWS::EC2::VPC::Id', Default: vpc-1", None, "vpc-1");
        gives("Type: 'AWS::SSM::Parameter::Name', Default: /a", None, "/a");
        let list = check("Type: 'List<AWS::EC2::Subnet::Id>', Default: 'a,b'", None);
        assert!(matches!(list, Ok(Data::List(items)) if items.len() == 2));
    }

    #[test]
    fn values_of_the_parameter_store_are_refused() {
        let expected = "t.yaml:2: `Parameters.P.Type`: a value from the parameter store (one given as a String is) is not supported by the local run";
        refuses("Type: 'AWS::SSM::Parameter::Value<String>', Default: /a", None, expected);
    }

    #[test]
    fn misspelt_declarations_are_refused() {
        let expected = "t.yaml:2: `Parameters.P.Type` must be a type of AWS's, such as String, Number, CommaDelimitedList, List<Number> (did you mean String?), was \"Strng\"";
        refuses("Type: Strng, Default: a", None, expected);
        let expected = "t.yaml:2: `Parameters.P.Defalt`: Defalt (did you mean Default?) is not supported by the local run";
        refuses("Type: String, Defalt: a", None, expected);
    }
}
