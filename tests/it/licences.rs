//! Everything that is linked into dryflash has to go with Unicorn's licence, GPL-2.0-only.
//!
//! `cargo metadata` is walked along normal dependencies: what only builds or tests dryflash is not in what ships.

use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::process::Command;

/// Licences under which code may become part of a GPL-2.0-only program. Apache-2.0 is not among them.
const COMPATIBLE: [&str; 16] = [
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "0BSD",
    "Zlib",
    "Unlicense",
    "BSL-1.0",
    "CC0-1.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "GPL-2.0",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "LGPL-2.1-or-later",
];

#[test]
fn what_is_linked_goes_with_gpl_2() {
    let linked = linked(&metadata(), "dryflash");
    assert!(linked.len() > 10, "the walk found only {} packages", linked.len());
    let offenders: Vec<String> = linked
        .iter()
        .filter_map(|package| match compatible(&package.licence) {
            Ok(true) => None,
            Ok(false) => Some(format!("{}: {}", package.path.join(" -> "), package.licence)),
            Err(reason) => Some(format!("{}: \"{}\": {reason}", package.path.join(" -> "), package.licence)),
        })
        .collect();
    assert!(offenders.is_empty(), "not compatible with GPL-2.0-only:\n{}", offenders.join("\n"));
}

/// A package that is linked in, with one shortest way to it.
struct Linked {
    licence: String,
    path: Vec<String>,
}

/// The packages that `root` reaches along normal dependencies, itself included, nearest first.
fn linked(metadata: &Value, root: &str) -> Vec<Linked> {
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"]).map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).map(|node| (text(&node["id"]), node)).collect();
    let start = packages.iter().find(|(_, package)| package["name"] == root).expect("the root is a package").0;

    let mut paths = BTreeMap::from([(*start, vec![root.to_string()])]);
    let mut queue = VecDeque::from([*start]);
    let mut found = Vec::new();
    while let Some(id) = queue.pop_front() {
        let path = paths[id].clone();
        for dep in list(&nodes[id]["deps"]).filter(|dep| list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null())) {
            let dep = text(&dep["pkg"]);
            if !paths.contains_key(dep) {
                let package = packages[dep];
                let step = format!("{} {}", text(&package["name"]), text(&package["version"]));
                paths.insert(dep, path.iter().cloned().chain([step]).collect());
                queue.push_back(dep);
            }
        }
        // Null where the package only points at a file; that is refused like any unknown licence.
        let licence = packages[id]["license"].as_str().unwrap_or("").to_string();
        found.push(Linked { licence, path });
    }
    found
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("cargo metadata has a list here").iter()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("cargo metadata has text here")
}

/// The resolved graph, as far as it concerns the machine that this runs on.
fn metadata() -> Value {
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo -vV names the host");
    let metadata = cargo(&["metadata", "--format-version", "1", "--locked", "--filter-platform", host]);
    serde_json::from_str(&metadata).expect("cargo metadata prints JSON")
}

fn cargo(args: &[&str]) -> String {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output =
        Command::new(program).args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo starts");
    assert!(output.status.success(), "cargo {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// Whether an SPDX expression leaves a choice that goes with GPL-2.0-only.
fn compatible(expression: &str) -> Result<bool, String> {
    // Older manifests write a choice as "MIT/Apache-2.0".
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let verdict = any_of(&mut rest)?;
    match rest.first() {
        None => Ok(verdict),
        Some(word) => Err(format!("`{word}` is out of place")),
    }
}

fn any_of(words: &mut &[&str]) -> Result<bool, String> {
    let mut verdict = all_of(words)?;
    while take(words, "OR") {
        verdict |= all_of(words)?;
    }
    Ok(verdict)
}

fn all_of(words: &mut &[&str]) -> Result<bool, String> {
    let mut verdict = one(words)?;
    while take(words, "AND") {
        verdict &= one(words)?;
    }
    Ok(verdict)
}

fn one(words: &mut &[&str]) -> Result<bool, String> {
    if take(words, "(") {
        let verdict = any_of(words)?;
        return if take(words, ")") { Ok(verdict) } else { Err("a parenthesis stays open".into()) };
    }
    let licence = name(words)?;
    if take(words, "WITH") {
        // An exception only permits more, so what counts is the licence.
        name(words)?;
    }
    Ok(COMPATIBLE.contains(&licence))
}

fn name<'a>(words: &mut &[&'a str]) -> Result<&'a str, String> {
    match words.split_first() {
        Some((word, rest)) if !["OR", "AND", "WITH", "(", ")"].contains(word) => {
            *words = rest;
            Ok(word)
        }
        Some((word, _)) => Err(format!("`{word}` stands where a licence should")),
        None => Err("a licence is missing".into()),
    }
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}

#[test]
fn expressions_are_weighed() {
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-2.0", true),
        ("Apache-2.0", false),
        ("GPL-3.0-or-later", false),
        ("Apache-2.0 WITH LLVM-exception", false),
        ("GPL-2.0-only WITH Classpath-exception-2.0", true),
        ("MIT OR Apache-2.0", true),
        ("MIT/Apache-2.0", true),
        ("MPL-2.0 / Apache-2.0", false),
        ("Apache-2.0 AND MIT", false),
        ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("Apache-2.0 AND (MIT OR Zlib)", false),
        // AND binds more closely than OR.
        ("MIT OR Apache-2.0 AND MPL-2.0", true),
        ("Apache-2.0 AND MIT OR MPL-2.0", false),
    ] {
        assert_eq!(compatible(expression), Ok(expected), "{expression}");
    }
}

#[test]
fn what_is_no_expression_is_refused() {
    for expression in ["", "MIT OR", "(MIT", "MIT)", "MIT Apache-2.0", "AND MIT", "MIT WITH", "()"] {
        assert!(compatible(expression).is_err(), "{expression}");
    }
}

#[test]
fn only_normal_dependencies_count_and_the_way_is_told() {
    let package =
        |name: &str, licence| serde_json::json!({"id": name, "name": name, "version": "1.0.0", "license": licence});
    let dep = |name: &str, kind| serde_json::json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
    let metadata = serde_json::json!({
        "packages": [
            package("app", Some("MIT")), package("middle", Some("MIT")), package("far", None), package("tool", Some("Apache-2.0")),
        ],
        "resolve": {"nodes": [
            {"id": "app", "deps": [dep("middle", None), dep("tool", Some("build"))]},
            {"id": "middle", "deps": [dep("far", None), dep("tool", Some("dev"))]},
            {"id": "far", "deps": []},
            {"id": "tool", "deps": []},
        ]},
    });
    let found: Vec<String> = linked(&metadata, "app").iter().map(|package| package.path.join(" -> ")).collect();
    assert_eq!(found, ["app", "app -> middle 1.0.0", "app -> middle 1.0.0 -> far 1.0.0"]);
}
