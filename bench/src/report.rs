//! What was measured, as a table and as JSON.

use std::path::Path;

use serde_json::{Value, json};

/// Every measured thing, in the order in which it was printed.
#[derive(Default)]
pub(crate) struct Report {
    section: String,
    rows: Vec<Value>,
    facts: Vec<Value>,
}

/// What one thing took, once for each round, ascending; never empty.
#[derive(Clone)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty());
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(self.0.len() / 2)
    }

    fn min(&self) -> f64 {
        self.at(0)
    }

    fn max(&self) -> f64 {
        self.at(self.0.len() - 1)
    }

    fn at(&self, place: usize) -> f64 {
        *self.0.get(place).expect("a place inside")
    }

    /// The same, divided by a number.
    pub(crate) fn per(&self, number: f64) -> Self {
        Self(self.0.iter().map(|value| value / number).collect())
    }
}

/// What one thing took in each of its turns; not empty when it is told.
pub(crate) struct Turns(pub(crate) Vec<Samples>);

impl Turns {
    /// All of its rounds.
    pub(crate) fn samples(&self) -> Samples {
        Samples::of(self.0.iter().flat_map(|turn| turn.0.iter().copied()).collect())
    }

    /// How many times what another took: the median of the turns. On a shared machine a turn is fast or slow as a whole, and
    /// what stands beside it in time is what it can be compared with.
    pub(crate) fn over(&self, other: &Self) -> f64 {
        let pairs = self.0.iter().zip(&other.0);
        Samples::of(pairs.map(|(ours, theirs)| ours.median() / theirs.median()).collect()).median()
    }
}

impl Report {
    /// Begins a table; its numbers are all of one unit.
    pub(crate) fn section(&mut self, title: &str, unit: &str) {
        self.section = format!("{title}, {unit}");
        println!("\n{title}\n  {unit:<64}{:>10}{:>10}{:>10}", "median", "min", "max");
    }

    /// A line of the table.
    pub(crate) fn row(&mut self, name: &str, samples: &Samples) {
        let [median, min, max] = [samples.median(), samples.min(), samples.max()];
        println!("  {name:<64}{}{}{}", number(median), number(min), number(max));
        self.rows.push(json!({
            "section": self.section, "name": name, "rounds": samples.0.len(), "median": median, "min": min, "max": max,
        }));
    }

    /// A number that follows from medians of this run.
    pub(crate) fn fact(&mut self, name: &str, value: f64) {
        println!("  {name:<64}{}", number(value));
        self.facts.push(json!({ "section": self.section, "name": name, "value": value }));
    }

    /// Writes everything as JSON.
    pub(crate) fn write(&self, path: &Path) {
        let text = serde_json::to_string_pretty(&json!({ "rows": self.rows, "facts": self.facts }));
        std::fs::write(path, text.expect("JSON") + "\n").expect("a file");
        println!("\nwritten to {}", path.display());
    }
}

/// Ten wide, with as many places as the size asks for.
fn number(value: f64) -> String {
    match value {
        value if value.abs() < 10.0 => format!("{value:>10.3}"),
        value if value.abs() < 1000.0 => format!("{value:>10.1}"),
        value => format!("{value:>10.0}"),
    }
}
