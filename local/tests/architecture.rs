//! Who may know whom: the dependencies of the workspace against the table in ARCHITECTURE.md.

#[cfg(test)]
mod architecture {
    use std::collections::{BTreeMap, BTreeSet};
    use std::process::Command;

    use serde_json::Value;

    /// What each of our crates may know of the others. `tapeline` (local/) and the bench stand outside: they may know all
    /// of them, and none knows them.
    const MAY_KNOW: &[(&str, &[&str])] = &[
        (
            "indicator-calculator",
            &[
                "tapeline-codec",
                "tapeline-indicators",
                "tapeline-lambda-wire",
                "tapeline-market",
                "tapeline-telemetry",
            ],
        ),
        ("peer-rust-typed", &[]),
        ("peer-rust-value", &[]),
        (
            "record-transformer",
            &["tapeline-codec", "tapeline-lambda-wire", "tapeline-market", "tapeline-telemetry"],
        ),
        ("tapeline-codec", &["tapeline-json", "tapeline-market"]),
        ("tapeline-feed", &["tapeline-codec", "tapeline-json", "tapeline-market", "tapeline-telemetry"]),
        ("tapeline-indicators", &["tapeline-market"]),
        ("tapeline-json", &[]),
        ("tapeline-lambda-wire", &["tapeline-json", "tapeline-telemetry"]),
        ("tapeline-market", &[]),
        ("tapeline-telemetry", &[]),
    ];
    const LOCAL: &str = "tapeline";
    const BENCH: &str = "tapeline-bench";
    /// Functions of others, to measure ours against.
    const PEERS: [&str; 2] = ["peer-rust-typed", "peer-rust-value"];
    /// No input, no output, no clock, no logging.
    const PURE: &[&str] = &["tapeline-codec", "tapeline-indicators", "tapeline-json", "tapeline-market"];

    /// The packages of the workspace and what each depends on when it is built, tests aside.
    struct Graph {
        names: BTreeMap<String, String>,
        ours: BTreeSet<String>,
        normal: BTreeMap<String, Vec<String>>,
    }

    impl Graph {
        fn read() -> Self {
            // Only this platform's crates: those of others need not have been downloaded.
            let options = ["--locked", "--offline", "--filter-platform", "host-tuple"];
            let output = Command::new(env!("CARGO"))
                .args(["metadata", "--format-version", "1"])
                .args(options)
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .output()
                .expect("cargo runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let packages = metadata["packages"].as_array().unwrap().iter();
            let names = packages.map(|package| (text(&package["id"]), text(&package["name"]))).collect();
            let ours = metadata["workspace_members"].as_array().unwrap().iter().map(text).collect();
            let nodes = metadata["resolve"]["nodes"].as_array().unwrap().iter();
            let normal = nodes.map(|node| (text(&node["id"]), normal_dependencies(node))).collect();
            Self { names, ours, normal }
        }

        fn name(&self, id: &str) -> &str {
            &self.names[id]
        }

        fn id(&self, name: &str) -> &str {
            let found = self.ours.iter().find(|id| self.name(id) == name);
            found.unwrap_or_else(|| panic!("expected a crate {name} in the workspace"))
        }

        fn direct(&self, name: &str) -> BTreeSet<&str> {
            self.normal[self.id(name)].iter().map(|id| self.name(id)).collect()
        }

        /// The direct dependencies that are ours.
        fn known(&self, name: &str) -> BTreeSet<&str> {
            let ours = self.normal[self.id(name)].iter().filter(|id| self.ours.contains(*id));
            ours.map(|id| self.name(id)).collect()
        }

        /// All that is built with a crate.
        fn tree(&self, name: &str) -> BTreeSet<&str> {
            let (mut found, mut open) = (BTreeSet::new(), vec![self.id(name)]);
            while let Some(id) = open.pop() {
                if found.insert(id) {
                    open.extend(self.normal[id].iter().map(String::as_str));
                }
            }
            found.into_iter().map(|id| self.name(id)).collect()
        }
    }

    /// The dependencies of a node that are no mere test or build dependencies.
    fn normal_dependencies(node: &Value) -> Vec<String> {
        let is_normal = |dependency: &&Value| {
            dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
        };
        let dependencies = node["deps"].as_array().unwrap().iter().filter(is_normal);
        dependencies.map(|dependency| dependency["pkg"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_crate_knows_only_what_the_table_allows() {
        let graph = Graph::read();
        let names = graph.ours.iter().map(|id| graph.name(id));
        let crates: BTreeSet<_> = names.filter(|name| ![LOCAL, BENCH].contains(name)).collect();
        assert_eq!(crates, MAY_KNOW.iter().map(|(name, _)| *name).collect(), "a row for each crate");
        for (name, allowed) in MAY_KNOW {
            let allowed = allowed.iter().copied().collect();
            let known = graph.known(name);
            assert!(known.is_subset(&allowed), "{name} knows {known:?}, may know {allowed:?}");
        }
    }

    #[test]
    fn pure_crates_are_built_without_runtime_logs_or_aws() {
        let graph = Graph::read();
        let is_foreign = |name: &&str| {
            ["tokio", "tracing", "lambda_runtime"].contains(name)
                || name.starts_with("aws-")
                || name.starts_with("aws_")
        };
        for name in PURE {
            let foreign: Vec<_> = graph.tree(name).into_iter().filter(is_foreign).collect();
            assert!(foreign.is_empty(), "{name} is built with {foreign:?}");
        }
    }

    #[test]
    fn only_lambda_wire_knows_the_lambda_runtime() {
        let graph = Graph::read();
        let knows = |id: &&String| graph.direct(graph.name(id)).contains("lambda_runtime");
        let knowing = graph.ours.iter().filter(knows).map(|id| graph.name(id));
        let knowing: Vec<_> = knowing.filter(|name| !PEERS.contains(name)).collect();
        assert_eq!(knowing, ["tapeline-lambda-wire"]);
    }

    #[test]
    fn the_transformer_is_built_without_the_aws_sdk() {
        let graph = Graph::read();
        let sdk: Vec<_> = graph.tree("record-transformer").into_iter().filter(is_sdk).collect();
        assert!(sdk.is_empty(), "record-transformer is built with {sdk:?}");
    }

    #[test]
    fn only_the_calculator_the_feed_and_the_command_know_the_aws_sdk() {
        let graph = Graph::read();
        let knows = |id: &&String| graph.direct(graph.name(id)).iter().any(is_sdk);
        let knowing: Vec<_> = graph.ours.iter().filter(knows).map(|id| graph.name(id)).collect();
        assert_eq!(knowing, ["tapeline-feed", "indicator-calculator", LOCAL]);
    }

    /// Whether a crate is a client of an AWS service.
    fn is_sdk(name: &&str) -> bool {
        name.starts_with("aws-sdk-")
    }

    /// The variables that a template sets for a function, in order. Templates are laid out two spaces a level; their
    /// own reader lives inside of the command.
    fn variables_of(template: &str, resource: &str) -> Vec<String> {
        let path = format!("{}/../{template}", env!("CARGO_MANIFEST_DIR"));
        let template = std::fs::read_to_string(path).unwrap();
        let depth = |line: &str| line.len() - line.trim_start().len();
        let start = format!("  {resource}:");
        let lines = template.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
        let resource = lines.skip_while(|line| *line != start).skip(1).take_while(|line| depth(line) > 2);
        let variables = resource.skip_while(|line| line.trim() != "Variables:").skip(1);
        let keys = variables.take_while(|line| depth(line) > 8).filter(|line| depth(line) == 10);
        keys.filter_map(|line| line.trim().split_once(':')).map(|(key, _)| key.to_owned()).collect()
    }

    #[test]
    fn the_templates_set_every_variable_of_a_function_and_no_other() {
        let transformer = record_transformer::Config::VARIABLES;
        assert_eq!(variables_of("template.yaml", "RecordTransformer"), transformer);
        assert_eq!(variables_of("template.yaml", "SearchTransformer"), transformer);
        assert_eq!(variables_of("attach.yaml", "RecordTransformer"), transformer);
        let calculator = indicator_calculator::Config::VARIABLES;
        assert_eq!(variables_of("template.yaml", "IndicatorCalculator"), calculator);
    }

    #[test]
    fn every_alarm_of_the_template_is_in_the_operating_manual() {
        let read = |file: &str| {
            std::fs::read_to_string(format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
        };
        let (template, manual) = (read("template.yaml"), read("docs/operations.md"));
        // Logical ids stand two spaces deep.
        let ids = template.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix("Alarm:"));
        let ids: BTreeSet<_> = ids.filter(|id| !id.starts_with(' ')).collect();
        let told: BTreeSet<_> = manual.split('`').filter_map(|word| word.strip_suffix("Alarm")).collect();
        assert!(ids.len() > 10);
        assert_eq!(ids, told);
    }
}
