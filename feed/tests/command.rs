//! The command as it is typed: what it says of itself, and what stops its start.

#[cfg(test)]
mod command {
    use std::collections::BTreeSet;
    use std::process::{Command, Output};

    fn run(arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tapeline-feed"));
        command.args(arguments).env_clear().output().unwrap()
    }

    /// Words of a text that are flags, without those of every command.
    fn flags(text: &str) -> BTreeSet<String> {
        let is_flag = |c: char| c.is_ascii_lowercase() || c == '-';
        let words = text.split(|c: char| !is_flag(c)).filter(|word| word.starts_with("--") && word.len() > 4);
        words.map(str::to_owned).filter(|word| !["--help", "--version"].contains(&word.as_str())).collect()
    }

    #[test]
    fn the_manual_has_every_flag_and_its_variable() {
        let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/feed.md");
        let manual = std::fs::read_to_string(manual).unwrap();
        let rows: Vec<_> = manual.lines().filter(|line| line.starts_with("| `--")).collect();
        let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
        assert_eq!(
            flags(&rows.iter().filter_map(|row| row.split('|').nth(1)).collect::<String>()),
            flags(&help)
        );
        let variables: Vec<_> =
            help.split("[env: ").skip(1).filter_map(|text| text.split(['=', ']']).next()).collect();
        let missing =
            variables.iter().filter(|name| !rows.iter().any(|row| row.contains(&format!("`{name}`"))));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new());
        assert!(variables.len() > 15);
    }

    #[test]
    fn the_task_of_the_template_sets_variables_that_are_read() {
        let template =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).unwrap();
        let task = template.split("\n  FeedTask:").nth(1).unwrap().split("\n\n").next().unwrap();
        let names = task.split("{ Name: ").skip(1).filter_map(|text| text.split(',').next());
        let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
        let unknown: Vec<_> = names.clone().filter(|name| !help.contains(&format!("[env: {name}"))).collect();
        assert_eq!(unknown, Vec::<&str>::new());
        assert!(names.count() > 5);
    }

    #[test]
    fn what_is_wrong_stops_the_start_and_is_told_at_once() {
        let refused = run(&["--market", "margin", "--packing", "zip"]);
        let said = String::from_utf8(refused.stderr).unwrap() + &String::from_utf8(refused.stdout).unwrap();
        assert!(!refused.status.success());
        for flag in ["--market", "--packing", "--symbols", "--stream"] {
            assert!(said.contains(flag), "no {flag} in {said}");
        }
    }
}
