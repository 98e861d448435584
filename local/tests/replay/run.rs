//! Runs `tapeline replay` in a folder of its own and reads what it wrote.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Row;
use serde_json::Value;
use tempfile::TempDir;

use crate::binaries::{TAPELINE, TEMPLATE, build_others};
use crate::rows;

/// A folder with recordings, perhaps a template, and what a run writes.
pub(crate) struct Workshop {
    folder: TempDir,
    options: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        build_others();
        Self { folder: tempfile::tempdir().unwrap(), options: Vec::new(), variables: Vec::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes a session of one minute; hands back its text and how many frames the command says it has.
    pub(crate) fn sample(&self, name: &str) -> (String, u64) {
        let path = self.path(name);
        let mut command = Command::new(TAPELINE);
        let output = command.args(["sample", "--minutes", "1", "--out"]).arg(&path).output().unwrap();
        let counts = String::from_utf8(output.stderr).unwrap();
        let last = counts.lines().last().unwrap().trim();
        let frames = last.strip_suffix(" frames in all").unwrap().trim().parse().unwrap();
        (fs::read_to_string(path).unwrap(), frames)
    }

    pub(crate) fn option(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs another template: the deployed one with each of these texts replaced.
    pub(crate) fn template(self, replaced: &[(&str, &str)]) -> Self {
        let mut text = fs::read_to_string(TEMPLATE).unwrap();
        for (from, to) in replaced {
            assert!(text.contains(from), "the template has no {from:?}");
            text = text.replace(from, to);
        }
        let path = self.file("template.yaml", text);
        self.option("--template").option(path.to_str().unwrap())
    }

    pub(crate) fn replay(&self, files: &[&str]) -> Outcome {
        self.replay_with(files, b"")
    }

    /// Replays the files, with `input` as standard input.
    pub(crate) fn replay_with(&self, files: &[&str], input: &[u8]) -> Outcome {
        self.run(&[&["replay", "--out", "out"], files].concat(), input)
    }

    /// Warms up with the files, under the same options.
    pub(crate) fn warm_up(&self, files: &[&str]) -> Outcome {
        self.run(&[&["warm-up"], files].concat(), b"")
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let mut command = Command::new(TAPELINE);
        command.args(arguments).args(&self.options);
        if !self.options.iter().any(|option| option == "--template") {
            command.args(["--template", TEMPLATE]);
        }
        for name in record_transformer::Config::VARIABLES {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().cloned()).current_dir(self.folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A run that is refused before it reads closes its end.
        let _ = child.stdin.take().unwrap().write_all(input);
        Outcome { output: child.wait_with_output().unwrap(), out: self.path("out") }
    }
}

/// What a run said and wrote.
pub(crate) struct Outcome {
    output: Output,
    out: PathBuf,
}

impl Outcome {
    pub(crate) fn code(&self) -> i32 {
        self.output.status.code().unwrap()
    }

    /// What it printed.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    pub(crate) fn error(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    /// Asserts that the run ended well; hands back its summary.
    pub(crate) fn succeeded(&self) -> Value {
        assert_eq!((self.code(), self.error().as_str()), (0, ""));
        self.summary()
    }

    /// Asserts that the run failed with one line that begins so.
    pub(crate) fn failed(&self, says: &str) {
        let error = self.error();
        assert_eq!(self.code(), 1, "{error}");
        assert!(error.starts_with(&format!("error: {says}")), "{error:?} does not say {says:?}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }

    pub(crate) fn summary(&self) -> Value {
        serde_json::from_slice(&fs::read(self.out.join("summary.json")).unwrap()).unwrap()
    }

    /// Every file of the buckets by its path.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = BTreeMap::new();
        for entry in fs::read_dir(&self.out).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() && entry.file_name() != "logs" {
                walk(&entry.path(), &mut objects);
            }
        }
        objects
    }

    /// The lines of the objects below a prefix of a bucket.
    pub(crate) fn lines(&self, prefix: &str) -> Vec<String> {
        let objects = self.objects().into_iter().filter(|(key, _)| key.starts_with(prefix));
        let texts = objects.map(|(_, content)| String::from_utf8(content).unwrap());
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// The failure documents of one type.
    pub(crate) fn documents(&self, what: &str) -> Vec<Value> {
        let of_type = self.objects().into_iter().filter(|(key, _)| key.contains(&format!("/errors/{what}/")));
        let lines = of_type.flat_map(|(_, lines)| {
            String::from_utf8(lines).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        });
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
    }

    /// The rows of every Parquet file, each with the kind of its path.
    pub(crate) fn rows(&self) -> Vec<(String, Row)> {
        let mut rows = Vec::new();
        for (key, content) in self.objects() {
            let Some((_, kind)) = key.split_once("/kind=") else { continue };
            let kind = kind.split('/').next().unwrap();
            let reader = SerializedFileReader::new(bytes::Bytes::from(content)).unwrap();
            let found = reader.get_row_iter(None).unwrap();
            rows.extend(found.map(|row| (kind.to_owned(), row.unwrap())));
        }
        rows
    }

    /// The bars, by their id.
    pub(crate) fn bars(&self) -> BTreeMap<String, Row> {
        let mut bars = BTreeMap::new();
        for (_, content) in self.objects().into_iter().filter(|(key, _)| key.contains("/indicators/")) {
            let reader = SerializedFileReader::new(bytes::Bytes::from(content)).unwrap();
            for row in reader.get_row_iter(None).unwrap().map(Result::unwrap) {
                let id = rows::text(&row, "id").to_owned();
                assert!(bars.insert(id.clone(), row).is_none(), "{id} came twice");
            }
        }
        bars
    }

    /// How many rows there are of each kind.
    pub(crate) fn kinds(&self) -> BTreeMap<String, u64> {
        let mut kinds = BTreeMap::new();
        for (kind, _) in self.rows() {
            *kinds.entry(kind).or_default() += 1;
        }
        kinds
    }
}

fn walk(folder: &Path, objects: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            walk(&entry.path(), objects);
        } else {
            let key = entry.path().display().to_string();
            let key = key.split_once("/out/").unwrap().1.to_owned();
            objects.insert(key, fs::read(entry.path()).unwrap());
        }
    }
}

/// Compresses as `gzip` does.
pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A file that is not part of the project; `None`, with a line that says so, where it is absent.
pub(crate) fn recorded(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if File::open(&path).is_ok() {
        return Some(path.canonicalize().unwrap());
    }
    println!("skipped: {} is not there", path.display());
    None
}
