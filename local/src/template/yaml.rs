//! Reads YAML into a tree that knows its lines and tags.
//!
//! Built on the parser's events rather than on a loader of documents, because of the limits: nesting, nodes and the
//! expansion of aliases are bounded while the tree grows, so that no text can exhaust the stack or the memory.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::error::{Fault, quoted};

/// AWS's limit of a template.
pub(super) const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Deepest nesting. Real templates stay below 20.
const DEPTH_MAX: usize = 40;

/// Most nodes of a tree, expanded aliases included.
const NODES_MAX: usize = 200_000;

/// Most keys of one map. AWS allows 500 resources.
const KEYS_MAX: usize = 2_000;

/// One value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Line, from 1.
    pub(super) line: usize,
    /// Short form of a function without its mark, such as `Ref` for `!Ref`.
    pub(super) tag: Option<String>,
    /// The value.
    pub(super) kind: Kind,
}

/// The value of a node. Scalars stay text: AWS decides by property what they mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing, `~` or `null`, unquoted.
    Null,
    /// Any other scalar.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// Keys, in their order, each with its value.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Value of a key, when this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Entries of a map; none of anything else.
    pub(super) fn entries(&self) -> &[(String, Self)] {
        if let Kind::Map(entries) = &self.kind { entries } else { &[] }
    }

    /// Text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        if let Kind::Scalar(text) = &self.kind { Some(text) } else { None }
    }

    /// Describes the value in an error message.
    pub(super) fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Scalar(text) => quoted(text),
            Kind::List(items) => format!("a list of {}", items.len()),
            Kind::Map(entries) => format!("a map of {}", entries.len()),
        }
    }

    /// Levels of nesting, this one included.
    fn depth(&self) -> usize {
        let below = match &self.kind {
            Kind::Null | Kind::Scalar(_) => 0,
            Kind::List(items) => items.iter().map(Self::depth).max().unwrap_or(0),
            Kind::Map(entries) => entries.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
        };
        below.saturating_add(1)
    }

    /// Number of nodes, this one included.
    fn count(&self) -> usize {
        let below: usize = match &self.kind {
            Kind::Null | Kind::Scalar(_) => 0,
            Kind::List(items) => items.iter().map(Self::count).sum(),
            Kind::Map(entries) => entries.iter().map(|(_, value)| value.count()).sum(),
        };
        below.saturating_add(1)
    }
}

/// Reads one document.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| Fault::yaml(error.marker().line(), error.info()))?;
        builder.take(event, span)?;
    }
    builder.root.ok_or_else(|| Fault::yaml(1, "the template is empty"))
}

/// The tree while it grows.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

/// A list or map whose end has not come.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<String>,
}

impl Builder {
    /// Takes the next event.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let line = span.start.line();
        self.count(1, line)?;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.close(Node { line, tag: short_form(tag), kind: scalar(text, style) }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Node { line, tag: short_form(tag), kind: Kind::List(Vec::new()) }, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.open(Node { line, tag: short_form(tag), kind: Kind::Map(Vec::new()) }, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.close(open.node, open.anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node =
                    node.ok_or_else(|| Fault::yaml(line, "an alias must follow the end of its anchor"))?;
                self.count(node.count(), line)?;
                self.fits(node.depth(), line)?;
                self.close(node, 0)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Fault::yaml(line, "a template must be one document, a second one starts here"))
            }
            _ => Ok(()),
        }
    }

    /// Opens a list or a map.
    fn open(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        self.fits(1, node.line)?;
        self.open.push(Open { node, anchor, key: None });
        Ok(())
    }

    /// Adds a finished node to what is open around it.
    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        if let Some(open) = self.open.last_mut() {
            return open.add(node);
        }
        self.root = Some(node);
        Ok(())
    }

    /// Counts nodes against their limit.
    fn count(&mut self, nodes: usize, line: usize) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > NODES_MAX {
            return Err(Fault::yaml(line, format!("a template must have at most {NODES_MAX} values")));
        }
        Ok(())
    }

    /// Holds `levels` more levels against the limit of nesting.
    fn fits(&self, levels: usize, line: usize) -> Result<(), Fault> {
        if self.open.len().saturating_add(levels) > DEPTH_MAX {
            return Err(Fault::yaml(line, format!("values must be nested at most {DEPTH_MAX} levels deep")));
        }
        Ok(())
    }
}

impl Open {
    /// Adds an item, a key or the value of the last key.
    fn add(&mut self, node: Node) -> Result<(), Fault> {
        match (&mut self.node.kind, self.key.take()) {
            (Kind::List(items), _) => items.push(node),
            (Kind::Map(entries), Some(key)) => entries.push((key, node)),
            (Kind::Map(entries), None) => {
                let Kind::Scalar(key) = node.kind else {
                    return Err(Fault::yaml(node.line, "a key must be a text"));
                };
                if entries.len() >= KEYS_MAX {
                    return Err(Fault::yaml(node.line, format!("a map must have at most {KEYS_MAX} keys")));
                }
                if entries.iter().any(|(known, _)| *known == key) {
                    return Err(Fault::yaml(
                        node.line,
                        format!("a key must stand once in a map, {key:?} is twice"),
                    ));
                }
                self.key = Some(key);
            }
            (Kind::Null | Kind::Scalar(_), _) => {}
        }
        Ok(())
    }
}

/// A scalar's value. Quoted text is never nothing.
fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Kind {
    match (style, text.as_ref()) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Kind::Null,
        _ => Kind::Scalar(text.into_owned()),
    }
}

/// The name of a function in its short form. YAML's own tags say nothing that AWS reads.
fn short_form(tag: Option<Cow<'_, Tag>>) -> Option<String> {
    tag.filter(|tag| !tag.is_yaml_core_schema()).map(|tag| tag.suffix.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message of the fault in `text`.
    fn refused(text: &str) -> String {
        parse(text).unwrap_err().into_error("t.yaml").to_string()
    }

    #[test]
    fn lines_and_tags_are_kept() {
        let root = parse("a: 1\nb:\n  - !Ref X\n  - 'null'\n").unwrap();
        let list = root.get("b").unwrap();
        let Kind::List(items) = &list.kind else { panic!("no list") };
        assert_eq!((items[0].line, items[0].tag.as_deref(), items[0].text()), (3, Some("Ref"), Some("X")));
        assert_eq!(items[1].text(), Some("null"));
    }

    #[test]
    fn aliases_are_expanded() {
        let root = parse("a: &x { b: c }\nd: *x\n").unwrap();
        assert_eq!(root.get("d").and_then(|node| node.get("b")).and_then(Node::text), Some("c"));
    }

    #[test]
    fn broken_text_is_refused_with_its_line() {
        assert!(refused("a: 1\nb: [\n").starts_with("t.yaml:"));
        assert!(refused("a: 1\n b: 2\n").starts_with("t.yaml:2: "));
    }

    #[test]
    fn a_key_stands_once() {
        assert_eq!(refused("a: 1\na: 2\n"), "t.yaml:2: a key must stand once in a map, \"a\" is twice");
    }

    #[test]
    fn one_document_is_expected() {
        assert_eq!(
            refused("a: 1\n---\nb: 2\n"),
            "t.yaml:2: a template must be one document, a second one starts here"
        );
        assert_eq!(refused(""), "t.yaml:1: the template is empty");
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(refused(&"- ".repeat(100_000)).contains("at most 40 levels"));
        assert!(refused(&"[".repeat(200)).contains("at most 40 levels"));
        parse(&format!("{}{}", "[".repeat(39), "]".repeat(39))).unwrap();
    }

    #[test]
    fn aliases_do_not_multiply_without_end() {
        let level = |level: usize| {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            format!("a{level}: &a{level} [{items}]\n")
        };
        let text = format!("a0: &a0 [x]\n{}", (1..10).map(level).collect::<Vec<_>>().concat());
        assert!(refused(&text).contains("at most 200000 values"));
    }

    #[test]
    fn aliases_do_not_nest_without_end() {
        let level = |level: usize| format!("a{level}: &a{level} [*a{}]\n", level - 1);
        let text = format!("a0: &a0 [x]\n{}", (1..100).map(level).collect::<Vec<_>>().concat());
        assert!(refused(&text).contains("at most 40 levels"));
    }
}
