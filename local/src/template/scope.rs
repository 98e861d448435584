//! Evaluates the functions of a template as AWS does.
//!
//! Only what is read is evaluated: a resource that does not run here may use functions that this module refuses.

use std::cell::{Cell, RefCell};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::{Fault, quoted};
use super::identity::identity;
use super::parameters::Parameters;
use super::spelling::hint;
use super::value::{Data, Value};
use super::yaml::{Kind, Node};

/// `AWS::Region` of the local run.
pub(crate) const REGION: &str = "us-east-1";
/// `AWS::AccountId` of the local run.
pub(super) const ACCOUNT_ID: &str = "000000000000";
/// `AWS::Partition` of the local run.
pub(super) const PARTITION: &str = "aws";
/// `AWS::StackName` of the local run.
pub(super) const STACK_NAME: &str = "tapeline";

/// `AWS::StackId` of the local run. AWS draws the last part.
const STACK_ID: &str = "arn:aws:cloudformation:us-east-1:000000000000:stack/tapeline/\
                        00000000-0000-0000-0000-000000000000";

/// The functions that are evaluated.
const FUNCTIONS: [&str; 9] = [
    "Ref",
    "Fn::Base64",
    "Fn::FindInMap",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::Join",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
];

/// Most evaluations for one template: names may refer to names that refer to names.
const STEPS_MAX: u32 = 100_000;

/// Longest chain of names and conditions that need each other.
const CHAIN_MAX: usize = 8;

/// Longest text that a function may give, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// A place in the template: line and path.
type At<'a> = (usize, &'a str);

/// What the functions of a template can see.
pub(super) struct Scope<'t> {
    template: &'t Node,
    parameters: Parameters,
    steps: Cell<u32>,
    chain: RefCell<Vec<String>>,
}

impl<'t> Scope<'t> {
    /// A template with the values of its parameters.
    pub(super) const fn new(template: &'t Node, parameters: Parameters) -> Self {
        Self { template, parameters, steps: Cell::new(0), chain: RefCell::new(Vec::new()) }
    }

    /// Names that `Ref` knows.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let resources = self.template.get("Resources").map(Node::entries).unwrap_or_default();
        resources.iter().map(|(name, _)| name.as_str()).chain(self.parameters.keys().map(String::as_str))
    }

    /// A resource by its logical id.
    pub(super) fn resource(&self, logical_id: &str) -> Option<&'t Node> {
        self.template.get("Resources").and_then(|resources| resources.get(logical_id))
    }

    /// Evaluates a value. `None` is `AWS::NoValue`, or nothing at all.
    pub(super) fn evaluate(&self, node: &Node, path: &str) -> Result<Option<Value>, Fault> {
        self.step(node.line)?;
        if let Some((function, argument)) = function(node) {
            return match function.as_str() {
                "Fn::Base64" => self.encode(node, argument, path),
                _ => self.call(&function, argument, (node.line, path)),
            };
        }
        let data = match &node.kind {
            Kind::Null => return Ok(None),
            Kind::Scalar(text) => Data::Text(text.clone()),
            Kind::List(items) => Data::List(self.items(items, path)?),
            Kind::Map(entries) => Data::Map(self.entries(entries, path)?),
        };
        Ok(Some(Value { line: node.line, data }))
    }

    /// Evaluates a value of which the properties named `may_refer_to_anything`, at any depth, change nothing here:
    /// where one of them cannot be evaluated, it is left out.
    pub(super) fn evaluate_except(
        &self,
        node: &Node,
        path: &str,
        may_refer_to_anything: &[&str],
    ) -> Result<Option<Value>, Fault> {
        self.evaluate(&self.without(node, may_refer_to_anything), path)
    }

    /// A node without the entries named `may_refer_to_anything` that cannot be evaluated.
    fn without(&self, node: &Node, may_refer_to_anything: &[&str]) -> Node {
        let stays = |(key, value): &&(String, Node)| {
            !may_refer_to_anything.contains(&key.as_str()) || self.evaluate(value, key).is_ok()
        };
        let kind = match &node.kind {
            Kind::Map(entries) => {
                let entries = entries.iter().filter(stays);
                let entry =
                    |(key, value): &(String, Node)| (key.clone(), self.without(value, may_refer_to_anything));
                Kind::Map(entries.map(entry).collect())
            }
            Kind::List(items) => {
                Kind::List(items.iter().map(|item| self.without(item, may_refer_to_anything)).collect())
            }
            other => other.clone(),
        };
        Node { line: node.line, tag: node.tag.clone(), kind }
    }

    /// Whether a condition of the template holds.
    pub(super) fn condition(&self, name: &str, at: At<'_>) -> Result<bool, Fault> {
        let conditions = self.template.get("Conditions");
        let node = conditions.and_then(|conditions| conditions.get(name)).ok_or_else(|| {
            let known = conditions.map(Node::entries).unwrap_or_default();
            let hint = hint(name, known.iter().map(|(name, _)| name.as_str()));
            Fault::invalid(at, format!("the name of a condition{hint}"), quoted(name))
        })?;
        self.chained(&format!("Conditions.{name}"), at, || self.holds(node, &format!("Conditions.{name}")))
    }

    /// Counts an evaluation against the limit.
    fn step(&self, line: usize) -> Result<(), Fault> {
        self.steps.set(self.steps.get().saturating_add(1));
        if self.steps.get() > STEPS_MAX {
            return Err(Fault::yaml(line, format!("a template must need at most {STEPS_MAX} evaluations")));
        }
        Ok(())
    }

    /// Evaluates what another value needs, with a limit on how far that goes.
    fn chained<T>(
        &self,
        link: &str,
        at: At<'_>,
        work: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.chain.borrow().iter().any(|known| known == link) {
            return Err(Fault::invalid(
                at,
                "free of circles",
                format!("a reference that needs {link} itself"),
            ));
        }
        if self.chain.borrow().len() >= CHAIN_MAX {
            return Err(Fault::invalid(at, format!("at most {CHAIN_MAX} references deep"), "deeper"));
        }
        self.chain.borrow_mut().push(link.to_owned());
        let result = work();
        self.chain.borrow_mut().pop();
        result
    }

    /// Items of a list, without those that have no value.
    fn items(&self, items: &[Node], path: &str) -> Result<Vec<Value>, Fault> {
        let evaluated =
            items.iter().enumerate().map(|(at, item)| self.evaluate(item, &format!("{path}[{at}]")));
        evaluated.filter_map(Result::transpose).collect()
    }

    /// Entries of a map, without those that have no value.
    fn entries(&self, entries: &[(String, Node)], path: &str) -> Result<Vec<(String, Value)>, Fault> {
        let entry = |(key, node): &(String, Node)| {
            let path = format!("{path}.{key}");
            if key.starts_with("Fn::") {
                return Err(Fault::invalid((node.line, &path), "the only key of its map", "one of several"));
            }
            Ok(self.evaluate(node, &path)?.map(|value| (key.clone(), value)))
        };
        entries.iter().map(entry).filter_map(Result::transpose).collect()
    }

    /// Calls a function.
    fn call(&self, function: &str, argument: &Node, at: At<'_>) -> Result<Option<Value>, Fault> {
        let path = format!("{}.{function}", at.1);
        let at = (at.0, path.as_str());
        match function {
            "Ref" => return self.reference(required_text(argument, at)?, at),
            "Fn::If" => return self.choose(argument, at),
            _ => {}
        }
        let data = match function {
            "Fn::GetAtt" => Data::Text(self.attribute_of(argument, at)?),
            "Fn::Sub" => Data::Text(self.substitute(argument, at)?),
            "Fn::Join" => Data::Text(self.join(argument, at)?),
            "Fn::Split" => self.split(argument, at)?,
            "Fn::Select" => return self.select(argument, at).map(Some),
            "Fn::FindInMap" => return self.find_in_map(argument, at),
            _ => {
                // The short form of `Ref` has no `Fn::` in front when it is spelt right.
                let short = function.strip_prefix("Fn::").unwrap_or(function);
                let hint = Some(hint(function, FUNCTIONS)).filter(|hint| !hint.is_empty());
                let hint = hint.unwrap_or_else(|| self::hint(short, ["Ref"]));
                return Err(Fault::unsupported(at, format!("the function {function}{hint}")));
            }
        };
        Ok(Some(Value { line: at.0, data }))
    }

    /// `Ref`: a parameter, a pseudo parameter or the name of a resource.
    fn reference(&self, name: &str, at: At<'_>) -> Result<Option<Value>, Fault> {
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        let data = match (self.parameters.get(name), pseudo_parameter(name)) {
            (Some(value), _) => value.data.clone(),
            (None, Some(text)) => Data::Text(text.to_owned()),
            (None, None) if name == "AWS::NotificationARNs" => Data::List(Vec::new()),
            (None, None) => Data::Text(self.chained(name, at, || identity(self, name, at))?.reference),
        };
        Ok(Some(Value { line: at.0, data }))
    }

    /// `Fn::GetAtt`, as `Resource.Attribute` or as a list of the two. The attribute may be a reference.
    fn attribute_of(&self, argument: &Node, at: At<'_>) -> Result<String, Fault> {
        let expected = || Fault::invalid(at, "a resource and an attribute", argument.describe());
        let (resource, attribute) = match &argument.kind {
            Kind::Scalar(text) => {
                let (resource, attribute) = text.split_once('.').ok_or_else(expected)?;
                (resource, attribute.to_owned())
            }
            Kind::List(items) => match items.as_slice() {
                [resource, attribute] => {
                    let attribute = self.evaluate(attribute, at.1)?.ok_or_else(expected)?;
                    (resource.text().ok_or_else(expected)?, text_of(attribute, at)?)
                }
                _ => return Err(expected()),
            },
            _ => return Err(expected()),
        };
        self.attribute(resource, &attribute, at)
    }

    /// An attribute of a resource.
    fn attribute(&self, resource: &str, attribute: &str, at: At<'_>) -> Result<String, Fault> {
        let identity = self.chained(resource, at, || identity(self, resource, at))?;
        identity
            .attribute(attribute)
            .map_err(|hint| Fault::unsupported(at, format!("the attribute {attribute} of {resource}{hint}")))
    }

    /// `Fn::Sub`, with or without values of its own.
    fn substitute(&self, argument: &Node, at: At<'_>) -> Result<String, Fault> {
        match &argument.kind {
            Kind::Scalar(text) => self.fill(text, &[], at),
            Kind::List(items) => match items.as_slice() {
                [text, values @ Node { kind: Kind::Map(entries), .. }] => {
                    let own = self.entries(entries, &format!("{}[1]", at.1))?;
                    self.fill(required_text(text, at)?, &own, (values.line, at.1))
                }
                _ => Err(Fault::invalid(at, "a text and a map of values", argument.describe())),
            },
            _ => Err(Fault::invalid(at, "a text, or a list of a text and a map", argument.describe())),
        }
    }

    /// Fills the `${...}` of a text; `${!literal}` loses its mark.
    fn fill(&self, text: &str, own: &[(String, Value)], at: At<'_>) -> Result<String, Fault> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let (name, behind) = after
                .split_once('}')
                .ok_or_else(|| Fault::invalid(at, "closed: every ${ needs its }", quoted(text)))?;
            match name.strip_prefix('!') {
                Some(literal) => filled.extend(["${", literal, "}"]),
                None => filled.push_str(&self.named(name.trim(), own, at)?),
            }
            rest = behind;
        }
        filled.push_str(rest);
        bounded(filled, at)
    }

    /// The value of a name inside `Fn::Sub`.
    fn named(&self, name: &str, own: &[(String, Value)], at: At<'_>) -> Result<String, Fault> {
        if let Some((_, value)) = own.iter().find(|(known, _)| known == name) {
            return text_of(value.clone(), at);
        }
        if let Some((resource, attribute)) = name.split_once('.') {
            return self.attribute(resource, attribute, at);
        }
        let value = self.reference(name, at)?;
        value.map_or_else(|| Ok(String::new()), |value| text_of(value, at))
    }

    /// `Fn::Join`.
    fn join(&self, argument: &Node, at: At<'_>) -> Result<String, Fault> {
        let [delimiter, list] = self.two(argument, at)?;
        let items =
            list_of(list, at)?.into_iter().map(|item| text_of(item, at)).collect::<Result<Vec<_>, _>>()?;
        let delimiter = text_of(delimiter, at)?;
        let bytes: usize = items.iter().map(|item| item.len().saturating_add(delimiter.len())).sum();
        if bytes > TEXT_BYTES_MAX {
            return Err(too_long(at));
        }
        Ok(items.join(&delimiter))
    }

    /// `Fn::Base64`. In its short form the argument is the node itself, which must lose its tag to be a value.
    fn encode(&self, node: &Node, argument: &Node, path: &str) -> Result<Option<Value>, Fault> {
        let path = format!("{path}.Fn::Base64");
        let at = (node.line, path.as_str());
        let value = if std::ptr::eq(node, argument) {
            self.evaluate(&Node { tag: None, ..node.clone() }, &path)?
        } else {
            self.evaluate(argument, &path)?
        };
        let text = value.map_or_else(|| Ok(String::new()), |value| text_of(value, at))?;
        Ok(Some(Value { line: node.line, data: Data::Text(bounded(STANDARD.encode(text), at)?) }))
    }

    /// `Fn::Split`.
    fn split(&self, argument: &Node, at: At<'_>) -> Result<Data, Fault> {
        let [delimiter, text] = self.two(argument, at)?;
        let delimiter = text_of(delimiter, at)?;
        if delimiter.is_empty() {
            return Err(Fault::invalid(at, "a delimiter of at least one character", "none"));
        }
        let text = text_of(text, at)?;
        let part = |part: &str| Value { line: at.0, data: Data::Text(part.to_owned()) };
        Ok(Data::List(text.split(delimiter.as_str()).map(part).collect()))
    }

    /// `Fn::Select`.
    fn select(&self, argument: &Node, at: At<'_>) -> Result<Value, Fault> {
        let [index, list] = self.two(argument, at)?;
        let items = list_of(list, at)?;
        let index = text_of(index, at)?;
        let count = items.len();
        let chosen = index.parse::<usize>().ok().and_then(|index| items.into_iter().nth(index));
        chosen.ok_or_else(|| Fault::invalid(at, format!("an index below {count}"), quoted(&index)))
    }

    /// `Fn::FindInMap`, with or without a value for what is not there.
    fn find_in_map(&self, argument: &Node, at: At<'_>) -> Result<Option<Value>, Fault> {
        let expected = || Fault::invalid(at, "a list of map, first and second key", argument.describe());
        let Kind::List(items) = &argument.kind else { return Err(expected()) };
        let (keys, default) = match items.as_slice() {
            [_, _, _] => (items.as_slice(), None),
            [keys @ .., last] if keys.len() == 3 => {
                (keys, Some(last.get("DefaultValue").ok_or_else(expected)?))
            }
            _ => return Err(expected()),
        };
        let keys = self.items(keys, at.1)?.into_iter().map(|key| text_of(key, at));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        // A key without a value would find a whole level.
        if keys.len() != 3 {
            return Err(expected());
        }
        let found = keys.iter().fold(self.template.get("Mappings"), |node, key| node?.get(key));
        match (found, default) {
            (Some(node), _) => self.evaluate(node, &format!("Mappings.{}", keys.join("."))),
            (None, Some(default)) => self.evaluate(default, &format!("{}[3].DefaultValue", at.1)),
            (None, None) => Err(Fault::invalid(at, "a path in Mappings", quoted(&keys.join(".")))),
        }
    }

    /// `Fn::If`: only the chosen branch is evaluated.
    fn choose(&self, argument: &Node, at: At<'_>) -> Result<Option<Value>, Fault> {
        let expected = || Fault::invalid(at, "a condition and two values", argument.describe());
        let Kind::List(items) = &argument.kind else { return Err(expected()) };
        let [name, yes, no] = items.as_slice() else { return Err(expected()) };
        let holds = self.condition(name.text().ok_or_else(expected)?, at)?;
        let (branch, index) = if holds { (yes, 1) } else { (no, 2) };
        self.evaluate(branch, &format!("{}[{index}]", at.1))
    }

    /// Evaluates a condition's expression.
    fn holds(&self, node: &Node, path: &str) -> Result<bool, Fault> {
        self.step(node.line)?;
        let at = (node.line, path);
        let (function, argument) = match function(node) {
            Some(found) => found,
            None => match node.entries() {
                [(key, name)] if key == "Condition" => ("Condition".to_owned(), name),
                _ => return Err(Fault::invalid(at, "a condition", node.describe())),
            },
        };
        let path = format!("{path}.{function}");
        let at = (node.line, path.as_str());
        match function.as_str() {
            "Condition" => self.condition(required_text(argument, at)?, at),
            "Fn::Equals" => {
                let [left, right] = self.two(argument, at)?;
                Ok(text_of(left, at)? == text_of(right, at)?)
            }
            "Fn::And" => Ok(self.all_hold(argument, at)?.into_iter().all(|holds| holds)),
            "Fn::Or" => Ok(self.all_hold(argument, at)?.into_iter().any(|holds| holds)),
            "Fn::Not" => match self.all_hold(argument, at)?.as_slice() {
                [holds] => Ok(!holds),
                _ => Err(Fault::invalid(at, "one condition", argument.describe())),
            },
            _ => Err(Fault::unsupported(at, format!("the function {function} in a condition"))),
        }
    }

    /// The conditions of a list, each evaluated.
    fn all_hold(&self, argument: &Node, at: At<'_>) -> Result<Vec<bool>, Fault> {
        let Kind::List(items) = &argument.kind else {
            return Err(Fault::invalid(at, "a list of conditions", argument.describe()));
        };
        items
            .iter()
            .enumerate()
            .map(|(index, item)| self.holds(item, &format!("{}[{index}]", at.1)))
            .collect()
    }

    /// The two arguments of a function.
    fn two(&self, argument: &Node, at: At<'_>) -> Result<[Value; 2], Fault> {
        let expected = || Fault::invalid(at, "a list of two", argument.describe());
        let Kind::List(items) = &argument.kind else { return Err(expected()) };
        <[Value; 2]>::try_from(self.items(items, at.1)?).map_err(|_| expected())
    }
}

/// Recognises a function: its short form as a tag, or its long form as the only key of a map.
fn function(node: &Node) -> Option<(String, &Node)> {
    match (&node.tag, node.entries()) {
        (Some(tag), _) if tag == "Ref" || tag == "Condition" => Some((tag.clone(), node)),
        (Some(tag), _) => Some((format!("Fn::{tag}"), node)),
        (None, [(key, argument)]) if key == "Ref" || key.starts_with("Fn::") => Some((key.clone(), argument)),
        (None, _) => None,
    }
}

/// Whether a node is a function with its argument, and no value as it stands.
pub(super) fn is_function(node: &Node) -> bool {
    function(node).is_some()
}

/// Value of a pseudo parameter.
fn pseudo_parameter(name: &str) -> Option<&'static str> {
    match name {
        "AWS::Region" => Some(REGION),
        "AWS::AccountId" => Some(ACCOUNT_ID),
        "AWS::Partition" => Some(PARTITION),
        "AWS::StackName" => Some(STACK_NAME),
        "AWS::StackId" => Some(STACK_ID),
        "AWS::URLSuffix" => Some("amazonaws.com"),
        _ => None,
    }
}

/// The literal text a function needs.
fn required_text<'n>(node: &'n Node, at: At<'_>) -> Result<&'n str, Fault> {
    node.text().ok_or_else(|| Fault::invalid(at, "a text", node.describe()))
}

/// The text of an evaluated value.
fn text_of(value: Value, at: At<'_>) -> Result<String, Fault> {
    match value.data {
        Data::Text(text) => Ok(text),
        _ => Err(Fault::invalid(at, "a text", value.describe())),
    }
}

/// The items of an evaluated value.
fn list_of(value: Value, at: At<'_>) -> Result<Vec<Value>, Fault> {
    match value.data {
        Data::List(items) => Ok(items),
        Data::Text(_) | Data::Map(_) => Err(Fault::invalid(at, "a list", value.describe())),
    }
}

/// Refuses a text that is longer than any name or setting.
fn bounded(text: String, at: At<'_>) -> Result<String, Fault> {
    if text.len() > TEXT_BYTES_MAX { Err(too_long(at)) } else { Ok(text) }
}

/// The fault of a text that is too long.
fn too_long(at: At<'_>) -> Fault {
    Fault::invalid(at, format!("a text of at most {TEXT_BYTES_MAX} bytes"), "longer")
}

#[cfg(test)]
mod tests;
