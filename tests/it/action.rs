//! The GitHub action: its steps are scripts in `action/`, which are run here as a runner would.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A runner: its temporary folder, what steps say, and a workspace.
struct Runner {
    dir: tempfile::TempDir,
}

impl Runner {
    fn new() -> Runner {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["temp", "bin", "work space"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        Runner { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A command that notes how it was called, before all others of its name.
    fn pretend(&self, name: &str, script: &str) {
        let text = format!("#!/bin/sh\necho \"{name} $*\" >> '{}'\n{script}\n", self.path("calls").display());
        self.write(&format!("bin/{name}"), &text);
        std::fs::set_permissions(self.path("bin").join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn calls(&self) -> String {
        std::fs::read_to_string(self.path("calls")).unwrap_or_default()
    }

    /// Runs a script of the action; the outputs of the step.
    fn step(&self, script: &str, environment: &[(&str, &str)]) -> (Output, BTreeMap<String, String>) {
        let outputs = self.path("temp/outputs");
        let _ = std::fs::remove_file(&outputs);
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new("bash")
            .arg(root().join("action").join(script))
            .current_dir(self.path("work space"))
            .env("PATH", path)
            .env("RUNNER_TEMP", self.path("temp"))
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_WORKSPACE", self.path("work space"))
            .env("GITHUB_STEP_SUMMARY", self.path("temp/summary"))
            .envs(["CI_NODE_INDEX", "JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID"].map(|name| (name, "")))
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let text = std::fs::read_to_string(&outputs).unwrap_or_default();
        let pairs = text.lines().filter_map(|l| l.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned()));
        (output, pairs.collect())
    }

    fn key(&self, action: &Path, reference: &str) -> String {
        self.key_of(action, "", reference)
    }

    fn key_of(&self, action: &Path, repository: &str, reference: &str) -> String {
        let environment = [("ACTION", action.to_str().unwrap()), ("REPOSITORY", repository), ("REF", reference)];
        let (output, outputs) = self.step("key.sh", &environment);
        assert!(output.status.success(), "{output:?}");
        assert!(outputs["dryflash"].ends_with("temp/dryflash/bin/dryflash"), "{outputs:?}");
        outputs["key"].clone()
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_key_hangs_on_what_is_built_and_on_the_reference() {
    let runner = Runner::new();
    for file in [
        "Cargo.toml",
        "Cargo.lock",
        "build/main.rs",
        "docs/schemas/a.json",
        "src/a.rs",
        "src/deep/b c.rs",
        "shim/src/lib.rs",
    ] {
        runner.write(&format!("action of/one/{file}"), "x");
    }
    let action = runner.path("action of/one");
    let key = runner.key(&action, "v1");
    assert!(key.starts_with("dryflash-") && key.contains("-v1-") && key.len() > 60, "{key}");
    assert_eq!(runner.key(&runner.path("action of/./one"), "v1"), key, "however its folder is spelled");
    runner.write("action of/one/README.md", "nothing is built from it");
    assert_eq!(runner.key(&action, "v1"), key);
    assert_ne!(runner.key(&action, "refs/heads/main,x"), key);
    assert!(!runner.key(&action, "refs/heads/main,x").contains([',', '/']));
    let fork = runner.key_of(&action, "somebody/dryflash", "v1");
    assert!(fork.starts_with("dryflash-somebody-dryflash-") && !fork.contains('/'), "{fork}");
    for file in ["src/deep/b c.rs", "Cargo.lock", "build/main.rs", "docs/schemas/a.json", "shim/src/lib.rs"] {
        runner.write(&format!("action of/one/{file}"), "y");
        assert_ne!(runner.key(&action, "v1"), key, "{file}");
        runner.write(&format!("action of/one/{file}"), "x");
    }
    assert_eq!(runner.key(&action, "v1"), key);
}

#[test]
fn building_installs_only_what_is_missing_and_asks_for_rights_only_where_needed() {
    let runner = Runner::new();
    for name in ["cargo", "apt-get", "cmake"] {
        runner.pretend(name, "");
    }
    runner.pretend("sudo", "exec \"$@\"");
    let environment = [("ACTION", "/the action"), ("ROOT", "/the root"), ("LIBCLANG_PATH", "/somewhere")];
    let (output, _) = runner.step("build.sh", &environment);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(runner.calls(), "cargo install --locked --path /the action --root /the root --no-track\n");

    // Without CMake: only what is there can be found, so that the machine's own does not count.
    std::fs::remove_file(runner.path("calls")).unwrap();
    std::fs::remove_file(runner.path("bin/cmake")).unwrap();
    for name in ["bash", "ls", "uname", "sh", "env"] {
        let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output().unwrap();
        let real = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        let _ = std::os::unix::fs::symlink(real, runner.path("bin").join(name));
    }
    let bin = runner.path("bin");
    let alone = [environment.as_slice(), &[("PATH", bin.to_str().unwrap())]].concat();
    for (user, before) in [("0", ""), ("1001", "sudo apt-get update\n")] {
        runner.pretend("id", &format!("/bin/echo {user}"));
        let _ = std::fs::remove_file(runner.path("calls"));
        let (output, _) = runner.step("build.sh", &alone);
        assert!(output.status.success(), "{}", text(&output));
        let calls = runner.calls().replace("id -u\n", "");
        assert!(calls.starts_with(&format!("{before}apt-get update\n")), "{calls}");
        assert!(calls.contains("apt-get install -y --no-install-recommends cmake\n"), "{calls}");
        assert_eq!(calls.contains("sudo"), user != "0", "{calls}");
    }
    std::fs::remove_file(runner.path("bin/apt-get")).unwrap();
    let (output, _) = runner.step("build.sh", &alone);
    assert!(!output.status.success() && text(&output).contains("is built with cmake"), "{}", text(&output));
}

#[test]
fn scenarios_run_once_with_both_reports_and_outputs() {
    let runner = Runner::new();
    let scenario = |starts: bool| {
        format!(
            "about = 'a'\npart = 'F051'\nfiles = '../files'\n[vars]\nimage = {{ file = 'full.hex' }}\n[factory]\nholds = ['{{image}}']\n\
             [[step]]\nboot = 'low'\n[[step]]\nexpect = {{ starts = {starts} }}\n"
        )
    };
    std::fs::create_dir(runner.path("work space/files")).unwrap();
    let image = root().join("firmware/built/STANDIN_DRYFLASH_F051_2.20_FULL.hex");
    std::fs::copy(&image, runner.path("work space/files/full.hex")).unwrap();
    std::fs::create_dir(runner.path("work space/my build")).unwrap();
    std::fs::copy(&image, runner.path("work space/my build/full.hex")).unwrap();
    runner.write("work space/my scenarios/good.toml", &scenario(true));
    runner.write("work space/more/also.toml", &scenario(true));
    let dryflash = env!("CARGO_BIN_EXE_dryflash");
    let inputs = [
        ("DRYFLASH", dryflash),
        ("CI", "true"),
        ("PATHS", "  my scenarios\n\nmore/also.toml\n"),
        ("ARGS", "--jobs 1\n--set \"image=my build/full.hex\""),
        ("REPORT", "out/flash report.xml"),
        ("REPORT_FORMAT", "junit"),
    ];
    let (output, outputs) = runner.step("run.sh", &inputs);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!((outputs["total"].as_str(), outputs["passed"].as_str(), outputs["exit-code"].as_str()), ("2", "2", "0"));
    let xml = std::fs::read_to_string(runner.path("work space/out/flash report.xml")).unwrap();
    assert!(xml.contains("<testsuites") && xml.contains("also"), "{xml}");
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&outputs["json"]).unwrap()).unwrap();
    assert_eq!(json["format"], "dryflash-run");
    let summary = std::fs::read_to_string(runner.path("temp/summary")).unwrap();
    assert_eq!(summary.matches("## dryflash: 2 of 2 cases passed").count(), 1, "they ran once: {summary}");

    // A red run has its reports and outputs, too, and annotations at the place in the repository.
    runner.write("work space/more/also.toml", &scenario(false));
    let (output, outputs) = runner.step("run.sh", &inputs);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!((outputs["total"].as_str(), outputs["passed"].as_str(), outputs["exit-code"].as_str()), ("2", "1", "1"));
    assert!(text(&output).contains("::error file=more/also.toml,line=11,"), "{}", text(&output));
    let xml = std::fs::read_to_string(runner.path("work space/out/flash report.xml")).unwrap();
    assert!(xml.contains("<failure"), "{xml}");

    // So has a scenario that is wrong; words of the inputs are no code.
    runner.write("work space/more/also.toml", "step = 3");
    let hostile =
        [&inputs[..3], &[("ARGS", "--set 'x=$(touch hacked)'"), ("REPORT", ""), ("REPORT_FORMAT", "junit")]].concat();
    let (output, outputs) = runner.step("run.sh", &hostile);
    assert_eq!((output.status.code(), outputs["exit-code"].as_str()), (Some(2), "2"), "{}", text(&output));
    assert!(text(&output).contains("::error file=more/also.toml,line=1,"), "{}", text(&output));
    assert!(!runner.path("work space/hacked").exists());
}

#[test]
fn the_action_calls_its_scripts_in_order_and_pastes_no_input_into_code() {
    let action = std::fs::read_to_string(root().join("action.yml")).unwrap();
    let runs: Vec<&str> = action.lines().filter_map(|l| l.trim().strip_prefix("run: ")).collect();
    assert_eq!(runs, ["key.sh", "build.sh", "run.sh"].map(|s| format!("bash \"$ACTION/action/{s}\"")));
    for run in &runs {
        assert!(!run.contains("${{"), "{run}");
    }
    let steps: Vec<&str> = action.split("    - name: ").skip(1).collect();
    let with = |text: &str| steps.iter().position(|s| s.contains(text)).unwrap_or_else(|| panic!("{text}"));
    let order = [
        with("action/key.sh"),
        with("cache/restore@"),
        with("action/build.sh"),
        with("cache/save@"),
        with("action/run.sh"),
    ];
    assert!(order.is_sorted(), "{order:?}");
    let missed = "if: steps.cache.outputs.cache-hit != 'true'";
    assert!(steps[order[2]].contains(missed) && steps[order[3]].contains(missed));
    // What each script reads is handed to it.
    for (script, step) in [("key.sh", order[0]), ("build.sh", order[2]), ("run.sh", order[4])] {
        let text = std::fs::read_to_string(root().join("action").join(script)).unwrap();
        for name in ["ACTION", "REF", "REPOSITORY", "ROOT", "DRYFLASH", "PATHS", "ARGS", "REPORT", "REPORT_FORMAT"] {
            let read =
                [format!("${name}\""), format!("${{{name}"), format!("\"${name}")].iter().any(|r| text.contains(r));
            assert!(!read || steps[step].contains(&format!("        {name}: ")), "{script} reads {name}");
        }
    }
}
