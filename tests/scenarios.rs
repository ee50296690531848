//! Every file in `scenarios/` is a test: it runs `dryflash check` and compares exit code, findings and report.
//!
//! `cargo test --test scenarios wiki` runs those with `wiki` in their name. After a wanted change of the report,
//! `INSTA_UPDATE=always cargo test --test scenarios` writes the snapshots anew, for review.

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// One scenario file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What it is about, in one line.
    about: String,
    /// The words after `dryflash check`. The root of the repository is the current folder.
    args: Vec<String>,
    /// The exit code.
    exit: i32,
    /// Findings that have to be there.
    #[serde(default)]
    findings: Vec<String>,
    /// Findings that must not be there.
    #[serde(default)]
    absent: Vec<String>,
    /// Sections of the report that the snapshot keeps, by their headings; none keeps all. The last line always stays.
    #[serde(default)]
    show: Vec<String>,
    /// Runs once for each of these values of `{name}` in `args` and `make`.
    #[serde(default)]
    each: BTreeMap<String, Vec<String>>,
    /// Files to be made before, in the current folder.
    #[serde(default)]
    make: Vec<Make>,
}

/// A file that is made from another one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Make {
    /// What it is called.
    name: String,
    /// The file that it begins as.
    from: String,
    /// Bytes that are put in other bytes' places.
    #[serde(default)]
    patch: Vec<Patch>,
    /// Bytes of B5 are added up to this length.
    pad_to: Option<usize>,
    /// A text and what takes its place.
    replace: Option<[String; 2]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    at: usize,
    bytes: Vec<u8>,
}

fn main() {
    let trials = match files(&root().join("scenarios")) {
        Ok(files) => files.into_iter().map(trial).collect(),
        Err(e) => vec![Trial::test("scenarios", move || Err(Failed::from(e)))],
    };
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The scenario files, by name.
fn files(folder: &Path) -> Result<BTreeSet<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let paths: Result<Vec<PathBuf>, _> = entries.map(|e| e.map(|e| e.path())).collect();
    let files: BTreeSet<PathBuf> = paths
        .map_err(|e| e.to_string())?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    if files.is_empty() { Err(format!("{} holds no scenario", folder.display())) } else { Ok(files) }
}

fn trial(path: PathBuf) -> Trial {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Trial::test(name.clone(), move || {
        let text = std::fs::read_to_string(&path)?;
        if !text.starts_with("# ") {
            return Err("a scenario begins with a comment: what one would have seen on the bench".into());
        }
        let scenario: Scenario = toml::from_str(&text)?;
        run(&name, &scenario)
    })
}

fn run(name: &str, scenario: &Scenario) -> Result<(), Failed> {
    let mut snapshot = format!("{}\n", scenario.about);
    for values in variants(&scenario.each) {
        let filled = |text: &String| {
            values.iter().fold(text.clone(), |text, (key, value)| text.replace(&format!("{{{key}}}"), value))
        };
        let title: Vec<String> = values.iter().map(|(key, value)| format!("{key} {value}")).collect();
        let failed = |message: String| Failed::from(format!("{} {message}", title.join(", ")));
        let bench = Bench::new(&scenario.make, filled).map_err(failed)?;
        let args: Vec<String> = scenario.args.iter().map(filled).collect();
        let text = bench.check(&args, "text").map_err(failed)?;
        let json = bench.check(&args, "json").map_err(failed)?;
        compare(scenario, &text, &json).map_err(failed)?;
        if !title.is_empty() {
            let _ = writeln!(snapshot, "\n== {}", title.join(", "));
        }
        snapshot += &shown(&String::from_utf8_lossy(&text.stdout), &scenario.show);
    }
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(root().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("check_{name}"), snapshot));
    Ok(())
}

/// Every combination of the values; one without any where there are none.
fn variants(each: &BTreeMap<String, Vec<String>>) -> Vec<Vec<(&str, &str)>> {
    let mut variants: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
    for (key, values) in each {
        let mut longer = Vec::new();
        for variant in &variants {
            for value in values {
                longer.push([variant.as_slice(), &[(key.as_str(), value.as_str())]].concat());
            }
        }
        variants = longer;
    }
    variants
}

fn compare(scenario: &Scenario, text: &Output, json: &Output) -> Result<(), String> {
    let said = |output: &Output| {
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    for output in [text, json] {
        if output.status.code() != Some(scenario.exit) {
            return Err(format!("{}, but it should be {}\n{}", output.status, scenario.exit, said(output)));
        }
        if !output.stderr.is_empty() {
            return Err(format!("there is something on standard error\n{}", said(output)));
        }
    }
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).map_err(|e| e.to_string())?;
    let findings = report["findings"].as_array().ok_or("no findings in the JSON report")?;
    let ids: BTreeSet<&str> = findings.iter().filter_map(|f| f["id"].as_str()).collect();
    if let Some(id) = scenario.findings.iter().find(|id| !ids.contains(id.as_str())) {
        return Err(format!("{id} is not among the findings\n{}", said(text)));
    }
    if let Some(id) = scenario.absent.iter().find(|id| ids.contains(id.as_str())) {
        return Err(format!("{id} is among the findings\n{}", said(text)));
    }
    if report["starts"].as_bool() != Some(scenario.exit == 0) {
        return Err("the JSON report's `starts` contradicts the exit code".to_owned());
    }
    Ok(())
}

/// The sections with these headings, and the conclusion, which comes last.
fn shown(report: &str, headings: &[String]) -> String {
    let sections: Vec<&str> = report.trim_end().split("\n\n").collect();
    let wanted = |n: usize, section: &str| {
        let heading = section.lines().next().unwrap_or_default();
        headings.is_empty() || n + 1 == sections.len() || headings.iter().any(|h| h == heading)
    };
    let kept = sections.iter().enumerate().filter(|(n, section)| wanted(*n, section)).map(|(_, section)| *section);
    kept.collect::<Vec<_>>().join("\n\n") + "\n"
}

/// Where a scenario runs: the root of the repository, or, where files are made, a folder that looks like it.
struct Bench {
    folder: PathBuf,
    _made: Option<tempfile::TempDir>,
}

impl Bench {
    fn new(make: &[Make], filled: impl Fn(&String) -> String) -> Result<Bench, String> {
        if make.is_empty() {
            return Ok(Bench { folder: root(), _made: None });
        }
        let made = tempfile::tempdir().map_err(|e| e.to_string())?;
        std::os::unix::fs::symlink(root().join("firmware"), made.path().join("firmware")).map_err(|e| e.to_string())?;
        for file in make {
            let from = filled(&file.from);
            let bytes = std::fs::read(root().join(&from)).map_err(|e| format!("{from}: {e}"))?;
            let bytes = changed(bytes, file).map_err(|e| format!("{from}: {e}"))?;
            std::fs::write(made.path().join(&file.name), bytes).map_err(|e| e.to_string())?;
        }
        Ok(Bench { folder: made.path().to_owned(), _made: Some(made) })
    }

    fn check(&self, args: &[String], format: &str) -> Result<Output, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        command.args(["check", "--format", format]).args(args).current_dir(&self.folder);
        command.output().map_err(|e| e.to_string())
    }
}

fn changed(mut bytes: Vec<u8>, how: &Make) -> Result<Vec<u8>, String> {
    for patch in &how.patch {
        let place = bytes.get_mut(patch.at..patch.at + patch.bytes.len());
        place.ok_or(format!("has no bytes at {:#X}", patch.at))?.copy_from_slice(&patch.bytes);
    }
    if let Some(length) = how.pad_to {
        if length < bytes.len() {
            return Err(format!("is longer than {length} bytes"));
        }
        bytes.resize(length, 0xB5);
    }
    if let Some([old, new]) = &how.replace {
        let text = String::from_utf8(bytes).map_err(|e| e.to_string())?;
        if !text.contains(old) {
            return Err(format!("does not hold '{old}'"));
        }
        bytes = text.replace(old, new).into_bytes();
    }
    Ok(bytes)
}
