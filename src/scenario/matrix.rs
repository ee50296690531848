//! Variables, and the cases that a matrix expands into.

use super::axes::{Axis, AxisValue, RowValue, Variable};
use super::error::{ScenarioError, Source, nearest};
use crate::files::{absolute, relative};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde_spanned::Spanned;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::de::{DeString, DeTable, DeValue};

/// What a matrix may grow to: a slip must not fill memory.
pub const MOST_CASES: usize = 100_000;

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// What the command line sets.
pub type Set = BTreeMap<String, String>;

/// Files of the command line: the name that reports and snapshots have for each, and where it is.
pub type Given = BTreeMap<String, PathBuf>;

/// One combination: the values' names in the order of the axes, and the variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combination {
    /// Axis and name of its value.
    pub names: Vec<(String, String)>,
    /// All variables.
    pub variables: Variables,
    /// Variables that are files of the command line.
    pub given: Given,
}

/// One value of an axis.
struct Value {
    name: String,
    variables: Vec<(String, String)>,
}

/// Expands the matrix of a scenario. `files` is the folder that names of files are relative to, `root` that of the
/// scenarios.
///
/// # Errors
/// An axis without values, a pattern without a match, too many cases.
pub fn expand(
    source: &Arc<Source>,
    table: &DeTable<'_>,
    files: &Path,
    set: &Set,
    root: &Path,
) -> Result<Vec<Combination>, ScenarioError> {
    let mut given = Given::new();
    let variables = variables(source, table, set, |file, usual| {
        let same = |usual: &str| Ok::<_, std::io::Error>(absolute(&files.join(usual))? == absolute(Path::new(file))?);
        // The file that would be taken anyway has the name that it has anyway.
        if same(usual)? { Ok(usual.to_owned()) } else { name_of(Path::new(file), files, root, &mut given) }
    })?;
    let mut all = vec![Combination { names: Vec::new(), variables, given }];
    for (key, value) in in_order(table, "matrix") {
        let axis = key.get_ref().as_ref();
        let values = axis_values(source, axis, value, files, set)?;
        if all.len().saturating_mul(values.len()) > MOST_CASES {
            return Err(source.flaw(&value.span(), format!("the matrix has more than {MOST_CASES} cases")));
        }
        let mut longer = Vec::with_capacity(all.len() * values.len());
        for combination in &all {
            for value in &values {
                let mut next = combination.clone();
                next.names.push((axis.to_owned(), value.name.clone()));
                next.variables.extend(value.variables.iter().cloned());
                longer.push(next);
            }
        }
        all = longer;
    }
    let except = except(source, table, &all)?;
    all.retain(|c| !except.iter().any(|e| e.iter().all(|pair| c.names.iter().any(|n| n == pair))));
    if all.is_empty() {
        let span = table.get("except").map_or(0..0, Spanned::span);
        return Err(source.flaw(&span, "no case is left of the matrix"));
    }
    Ok(all)
}

/// A table's entries in the order of the file.
fn in_order<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Vec<(&'t Spanned<DeString<'i>>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = match table.get(key).map(Spanned::get_ref) {
        Some(DeValue::Table(inner)) => inner.iter().collect(),
        _ => Vec::new(),
    };
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// Reads a part of the file as a type, with its place in errors.
fn read<'i, T: Deserialize<'i>>(source: &Arc<Source>, value: &Spanned<DeValue<'i>>) -> Result<T, ScenarioError> {
    let span = value.span();
    let deserializer = value.clone().into_deserializer();
    T::deserialize(deserializer).map_err(|e: toml::de::Error| source.flaw(&e.span().unwrap_or(span), e.message()))
}

/// The name of a file of the command line, the same wherever the command is given: the way to it from the scenario's
/// other files inside of the project (the folder that holds the scenarios' root), the file's name alone outside.
fn name_of(file: &Path, files: &Path, root: &Path, given: &mut Given) -> std::io::Result<String> {
    let (file, files) = (absolute(file)?, absolute(files)?);
    let project = root.parent().filter(|p| p.parent().is_some());
    let way = relative(&files, &file).unwrap_or_else(|| file.to_string_lossy().into_owned());
    let inside = file.starts_with(project.unwrap_or(root));
    let alone = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = if inside || given.get(&alone).is_some_and(|other| *other != file) { way } else { alone };
    given.insert(name.clone(), file);
    Ok(name)
}

fn variables(
    source: &Arc<Source>,
    table: &DeTable<'_>,
    set: &Set,
    mut file: impl FnMut(&str, &str) -> std::io::Result<String>,
) -> Result<Variables, ScenarioError> {
    let mut all = Variables::new();
    for (key, value) in in_order(table, "vars") {
        let name = key.get_ref().to_string();
        let text = match (read::<Variable>(source, value)?, set.get(&name)) {
            (Variable::Text(_), Some(given)) => given.clone(),
            (Variable::Text(text), None) => text,
            // A file from the command line is relative to where the command was given.
            (Variable::File(usual), Some(given)) => {
                file(given, &usual.file).map_err(|reason| ScenarioError::Unreadable { path: given.into(), reason })?
            }
            (Variable::File(default), None) if default.file.is_empty() => {
                return Err(source
                    .flaw(&value.span(), format!("the file for `{name}` was not given"))
                    .hint(format!("run it with --set {name}=FILE")));
            }
            (Variable::File(default), None) => default.file,
        };
        all.insert(name, text);
    }
    Ok(all)
}

fn axis_values(
    source: &Arc<Source>,
    axis: &str,
    value: &Spanned<DeValue<'_>>,
    files: &Path,
    set: &Set,
) -> Result<Vec<Value>, ScenarioError> {
    let mut values = match read::<Axis>(source, value)? {
        Axis::Values(values) => {
            values.into_iter().map(|v| one(source, axis, v, &value.span())).collect::<Result<Vec<_>, _>>()?
        }
        Axis::Files(pattern) => {
            let found = matching(files, &pattern.glob).map_err(|e| source.flaw(&value.span(), e))?;
            if found.is_empty() {
                return Err(no_match(source, &value.span(), files, &pattern.glob));
            }
            let name = |file: &str| Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
            found.into_iter().map(|f| Value { name: name(&f), variables: vec![(axis.to_owned(), f)] }).collect()
        }
    };
    each_once(source, axis, value, &values)?;
    if let Some(wanted) = set.get(axis) {
        let names: Vec<String> = values.iter().map(|v| v.name.clone()).collect();
        values.retain(|v| v.name == *wanted);
        if values.is_empty() {
            return Err(source.flaw(
                &value.span(),
                format!("--set {axis}={wanted} is none of the values here: {}", names.join(", ")),
            ));
        }
    }
    if values.is_empty() {
        return Err(source.flaw(&value.span(), format!("the axis `{axis}` has no values")));
    }
    Ok(values)
}

/// Two cases of one name are none.
fn each_once(
    source: &Arc<Source>,
    axis: &str,
    value: &Spanned<DeValue<'_>>,
    values: &[Value],
) -> Result<(), ScenarioError> {
    let mut seen = HashSet::new();
    let Some((n, twice)) = values.iter().enumerate().find(|(_, v)| !seen.insert(v.name.as_str())) else {
        return Ok(());
    };
    let place = match value.get_ref() {
        DeValue::Array(items) => items.get(n).map(Spanned::span),
        _ => None,
    };
    Err(source.flaw(&place.unwrap_or(value.span()), format!("the axis `{axis}` has the value '{}' twice", twice.name)))
}

fn one(source: &Arc<Source>, axis: &str, value: AxisValue, span: &Range<usize>) -> Result<Value, ScenarioError> {
    let plain = |text: String| Value { name: text.clone(), variables: vec![(axis.to_owned(), text)] };
    Ok(match value {
        AxisValue::Text(text) => plain(text),
        AxisValue::Number(n) => plain(n.to_string()),
        AxisValue::Row(row) => {
            let text = |value: &RowValue| match value {
                RowValue::Text(text) => text.clone(),
                RowValue::Number(n) => n.to_string(),
                RowValue::Flag(on) => on.to_string(),
            };
            let Some(name) = row.get("name").map(text) else {
                return Err(source
                    .flaw(span, format!("a row of the axis `{axis}` has no `name`"))
                    .hint("the name stands in the name of the case"));
            };
            let rest = row.iter().map(|(key, value)| (format!("{axis}.{key}"), text(value)));
            Value { variables: rest.chain([(axis.to_owned(), name.clone())]).collect(), name }
        }
    })
}

/// The combinations to leave out.
fn except(
    source: &Arc<Source>,
    table: &DeTable<'_>,
    all: &[Combination],
) -> Result<Vec<Vec<(String, String)>>, ScenarioError> {
    let Some(value) = table.get("except") else { return Ok(Vec::new()) };
    let rows: Vec<BTreeMap<String, String>> = read(source, value)?;
    for row in &rows {
        for pair in row {
            let known = all.iter().flat_map(|c| &c.names).any(|(a, v)| (a, v) == pair);
            if !known {
                let message = format!("`except` names {} = \"{}\", which the matrix does not have", pair.0, pair.1);
                return Err(source.flaw(&value.span(), message));
            }
        }
    }
    Ok(rows.into_iter().map(|row| row.into_iter().collect()).collect())
}

/// The files that match a pattern, relative to the folder, in order.
pub fn matching(folder: &Path, pattern: &str) -> Result<Vec<String>, String> {
    let whole = folder.join(pattern);
    let paths = glob::glob(&whole.to_string_lossy()).map_err(|e| format!("'{pattern}' is no pattern: {e}"))?;
    let mut found: Vec<String> = paths
        .filter_map(Result::ok)
        .filter(|path| path.is_file())
        .map(|path| path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/"))
        .collect();
    found.sort();
    Ok(found)
}

/// The error for a pattern that nothing matches.
pub fn no_match(source: &Arc<Source>, span: &Range<usize>, folder: &Path, pattern: &str) -> ScenarioError {
    let error = source.flaw(span, format!("no file matches '{pattern}'"));
    error.hint(format!("it is looked for in {}", folder.display()))
}

/// Whether a text is a pattern.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Puts variables into each other's values.
///
/// # Errors
/// A variable that is not there, or that stands for itself.
pub fn settle(source: &Arc<Source>, table: &DeTable<'_>, variables: &mut Variables) -> Result<(), ScenarioError> {
    let span = table.get("matrix").or(table.get("vars")).map_or(0..0, Spanned::span);
    for _ in 0..8 {
        let mut changes = Vec::new();
        for (name, text) in variables.iter() {
            if let Some(new) = filled(source, text, variables, &span)? {
                changes.push((name.clone(), new));
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        variables.extend(changes);
        // A variable that stands for itself twice would double with each round.
        if variables.values().any(|v| v.len() > 10_000) {
            break;
        }
    }
    Err(source.flaw(&span, "a variable stands for itself"))
}

/// Puts the variables into every text of a table, but for those keys that define them.
///
/// # Errors
/// A variable that is not there.
pub fn fill(source: &Arc<Source>, table: &mut DeTable<'_>, variables: &Variables) -> Result<(), ScenarioError> {
    let mut filled = DeTable::new();
    for (key, mut value) in std::mem::take(table) {
        if !matches!(key.get_ref().as_ref(), "vars" | "matrix" | "except") {
            fill_value(source, &mut value, variables)?;
        }
        filled.insert(key, value);
    }
    *table = filled;
    Ok(())
}

/// Puts the variables into every text of a value.
///
/// # Errors
/// A variable that is not there.
pub fn fill_value(
    source: &Arc<Source>,
    value: &mut Spanned<DeValue<'_>>,
    variables: &Variables,
) -> Result<(), ScenarioError> {
    let span = value.span();
    match value.get_mut() {
        DeValue::String(text) => {
            if let Some(new) = filled(source, text, variables, &span)? {
                *text = new.into();
            }
        }
        DeValue::Array(items) => {
            for item in items.iter_mut() {
                fill_value(source, item, variables)?;
            }
        }
        DeValue::Table(table) => {
            // Addresses are keys, and may be variables, too.
            let mut new = DeTable::new();
            for (mut key, mut value) in std::mem::take(table) {
                let span = key.span();
                if let Some(text) = filled(source, key.get_ref(), variables, &span)? {
                    *key.get_mut() = text.into();
                }
                fill_value(source, &mut value, variables)?;
                new.insert(key, value);
            }
            *table = new;
        }
        _ => {}
    }
    Ok(())
}

/// The text with its variables filled in; none where it has none.
///
/// # Errors
/// A variable that is not there.
pub fn filled(
    source: &Arc<Source>,
    text: &str,
    variables: &Variables,
    span: &Range<usize>,
) -> Result<Option<String>, ScenarioError> {
    let mut out = String::new();
    let mut rest = text;
    let mut changed = false;
    while let Some(open) = rest.find('{') {
        let name_at = open + 1;
        let length = rest[name_at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
        let Some(length) = length.filter(|n| *n > 0 && rest[name_at + n..].starts_with('}')) else {
            out.push_str(&rest[..name_at]);
            rest = &rest[name_at..];
            continue;
        };
        let name = &rest[name_at..name_at + length];
        let Some(value) = variables.get(name) else {
            let error = source.flaw(span, format!("there is no variable `{name}`"));
            let known: Vec<&str> = variables.keys().map(String::as_str).collect();
            return Err(match nearest(name, known.iter().copied()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("there are {}", known.join(", "))),
            });
        };
        out.push_str(&rest[..open]);
        out.push_str(value);
        rest = &rest[name_at + length + 1..];
        changed = true;
    }
    out.push_str(rest);
    Ok(changed.then_some(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str, set: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let source = Arc::new(Source { path: "x.toml".into(), name: "x.toml".into(), text: text.to_owned() });
        let table = DeTable::parse(&source.text).unwrap();
        let set = set.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let all = expand(&source, table.get_ref(), Path::new("."), &set, Path::new("/p/scenarios"))
            .map_err(|e| e.to_string())?;
        let line = |c: &Combination| {
            let names: Vec<&str> = c.names.iter().map(|(_, v)| v.as_str()).collect();
            let variables: Vec<String> = c.variables.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("{}: {}", names.join("/"), variables.join(" "))
        };
        Ok(all.iter().map(line).collect())
    }

    #[test]
    fn axes_in_the_order_of_the_file() {
        let text =
            "[vars]\nx = 'X'\n[matrix]\nz = ['1', '2']\na = [{ name = 'good', n = 1, b = true }, { name = 'bad' }]\n";
        assert_eq!(
            expanded(text, &[]).unwrap(),
            [
                "1/good: a=good a.b=true a.n=1 a.name=good x=X z=1",
                "1/bad: a=bad a.name=bad x=X z=1",
                "2/good: a=good a.b=true a.n=1 a.name=good x=X z=2",
                "2/bad: a=bad a.name=bad x=X z=2"
            ]
        );
        assert_eq!(
            expanded(text, &[("z", "2"), ("a", "bad"), ("x", "Y")]).unwrap(),
            ["2/bad: a=bad a.name=bad x=Y z=2"]
        );
        let except = format!("except = [{{ z = '1', a = 'bad' }}, {{ z = '2' }}]\n{text}");
        assert_eq!(expanded(&except, &[]).unwrap().len(), 1);
        assert_eq!(expanded("step = []", &[]).unwrap(), [": "]);
    }

    #[test]
    fn files_of_the_command_line_have_one_name() {
        let name = |file: &str| {
            let (files, root) = (Path::new("/p/scenarios/../files"), Path::new("/p/scenarios"));
            name_of(Path::new(file), files, root, &mut Given::new()).unwrap()
        };
        assert_eq!(name("/p/build/x.hex"), "../build/x.hex");
        assert_eq!(name("/p/scenarios/../files/x.hex"), "x.hex");
        assert_eq!(name("/elsewhere/x.hex"), "x.hex");
        // Two of one name are told apart.
        let mut given = Given::new();
        let mut two = |file: &str| name_of(Path::new(file), Path::new("/p/f"), Path::new("/p/scenarios"), &mut given);
        assert_eq!((two("/a/x.hex").unwrap(), two("/b/x.hex").unwrap()), ("x.hex".into(), "../../b/x.hex".into()));
    }

    #[test]
    fn what_cannot_be_expanded() {
        for (text, set, said) in [
            ("[matrix]\na = []", None, "x.toml:2:5: the axis `a` has no values"),
            ("[matrix]\na = ['p', 'q', 'p']", None, "x.toml:2:16: the axis `a` has the value 'p' twice"),
            ("[matrix]\na = [{ b = 1 }]", None, "has no `name`"),
            ("[matrix]\na = 3", None, "a list of values"),
            ("[matrix]\na = { glob = 'nowhere/*.hex' }", None, "no file matches 'nowhere/*.hex'"),
            ("[matrix]\na = { glob = 'a**b' }", None, "is no pattern"),
            ("[matrix]\na = ['x']", Some(("a", "y")), "--set a=y is none of the values here: x"),
            ("except = [{ a = 'z' }]\n[matrix]\na = ['x']", None, "which the matrix does not have"),
            ("except = [{ a = 'x' }]\n[matrix]\na = ['x']", None, "no case is left"),
            ("[vars]\nimage = { file = '' }", None, "--set image=FILE"),
        ] {
            let set: Vec<(&str, &str)> = set.into_iter().collect();
            let error = expanded(text, &set).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        let ten: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let wide = format!("[matrix]\n{}", (0..6).map(|n| format!("a{n} = {ten:?}\n")).collect::<String>());
        assert!(expanded(&wide, &[]).unwrap_err().contains("more than 100000 cases"));
    }

    #[test]
    fn variables_go_into_texts_and_keys() {
        let text = "about = 'a {v} of {w.x}{'\n[deep]\n'{v}' = [{ k = '{v}{v}' }]\n[vars]\nv = '{v}'";
        let source = Arc::new(Source { path: "x.toml".into(), name: "x.toml".into(), text: text.to_owned() });
        let mut table = DeTable::parse(&source.text).unwrap();
        let mut variables = Variables::from([("v".to_owned(), "1".to_owned())]);
        let error = fill(&source, table.clone().get_mut(), &variables).unwrap_err().to_string();
        assert!(error.contains("x.toml:1:9: there is no variable `w.x`"), "{error}");
        variables.insert("w.x".to_owned(), "2".to_owned());
        fill(&source, table.get_mut(), &variables).unwrap();
        let value: toml::Table = toml::Table::deserialize(toml::Deserializer::from(table)).unwrap();
        assert_eq!(value["about"].as_str(), Some("a 1 of 2{"));
        assert_eq!(value["deep"]["1"][0]["k"].as_str(), Some("11"));
        assert_eq!(value["vars"]["v"].as_str(), Some("{v}"));
        variables.insert("y".to_owned(), "{z}{z}".to_owned());
        variables.insert("z".to_owned(), "<{v}>".to_owned());
        let none = DeTable::new();
        settle(&source, &none, &mut variables).unwrap();
        assert_eq!(variables["y"], "<1><1>");
        variables.insert("z".to_owned(), "{y}{y}".to_owned());
        variables.insert("y".to_owned(), "{z}{z}".to_owned());
        assert!(settle(&source, &none, &mut variables).unwrap_err().to_string().contains("stands for itself"));
    }
}
