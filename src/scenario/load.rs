//! Scenario files on disk to cases: found, read, expanded, and each case built once to see that it is sound.

use super::error::{ScenarioError, Source, hint_for, nearest};
use super::files::Files;
use super::find::{self, Found, MAX_SIZE};
use super::format::Scenario;
use super::matrix::{self, Combination, Given, Set, Variables};
use super::scalar::At;
use super::setup::Setup;
use super::signals;
use super::sound;
use super::steps::AnyStep;
use crate::am32::Layout;
use crate::digest::fnv1a;
use crate::part::{self, Part, PartError};
use crate::wire::Named;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::de::{DeArray, DeTable, DeValue};

/// Flaws of one file after which no further case is looked at.
const MOST_FLAWS: usize = 20;

/// Whether a case of this name is wanted.
pub type Wanted<'a> = dyn Fn(&str) -> bool + 'a;

/// One case: a scenario with one combination of its matrix.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name: the scenario's, then the values of the axes, with `/` between.
    pub id: String,
    /// Its scenario's name and place.
    pub found: Found,
    /// The file.
    pub source: Arc<Source>,
    /// The axes and their values.
    pub names: Vec<(String, String)>,
    /// Whether it takes a snapshot.
    pub takes_snapshot: bool,
    variables: Arc<Variables>,
    given: Arc<Given>,
    signals: Arc<Named>,
}

/// A case with everything filled in.
#[derive(Debug)]
pub struct Built {
    /// The scenario, typed.
    pub scenario: Scenario,
    /// What stands around its steps.
    pub setup: Setup,
}

/// Finds the scenarios in these files and folders, and expands them.
///
/// # Errors
/// Nothing found, unreadable files, or scenarios that are wrong: all of them, not only the first.
pub fn load(paths: &[PathBuf], set: &Set) -> Result<Vec<Case>, ScenarioError> {
    load_some(paths, set, &Named::default(), &|_| true)
}

/// As [`load()`], with a project's signals, for cases with wanted names only: others are neither kept nor looked at.
///
/// # Errors
/// As [`load()`]; what cannot be read or expanded is told whatever is wanted.
pub fn load_some(
    paths: &[PathBuf],
    set: &Set,
    signals: &Named,
    wanted: &Wanted<'_>,
) -> Result<Vec<Case>, ScenarioError> {
    match load_sound(paths, set, signals, wanted)? {
        (_, Some(error)) => Err(error),
        (cases, None) => Ok(cases),
    }
}

/// As [`load_some()`]; with the cases that can be run comes what is wrong with others.
///
/// # Errors
/// Nothing found, or unreadable files.
pub fn load_sound(
    paths: &[PathBuf],
    set: &Set,
    signals: &Named,
    wanted: &Wanted<'_>,
) -> Result<(Vec<Case>, Option<ScenarioError>), ScenarioError> {
    let signals = Arc::new(signals.clone());
    let mut cases: Vec<Case> = Vec::new();
    let mut errors = Vec::new();
    let mut used: Vec<bool> = vec![false; set.len()];
    for path in paths {
        for file in find::find(path)? {
            match expand(&file, set, &signals, &mut used, wanted) {
                Ok((found, flaws)) => {
                    cases.extend(found);
                    errors.extend(flaws);
                }
                Err(error) => errors.push(error),
            }
        }
    }
    if let Some((name, _)) = set.iter().zip(&used).find(|(_, used)| !**used).map(|(pair, _)| pair)
        && errors.is_empty()
    {
        errors.push(ScenarioError::Usage(format!("--set {name}: no scenario has a variable or an axis of that name")));
    }
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    for pair in cases.windows(2).filter(|pair| pair[0].id == pair[1].id) {
        let (a, b) = (&pair[0].source.name, &pair[1].source.name);
        let way_out = if a == b { "it was given twice" } else { "below a folder `scenarios`, folders count as names" };
        let text = format!("two cases are called {}: in {a} and in {b}; {way_out}", pair[0].id);
        errors.push(ScenarioError::Usage(text));
    }
    Ok((cases, ScenarioError::all(errors)))
}

/// Reads a file's text.
pub fn read(path: &Path) -> Result<Arc<Source>, ScenarioError> {
    let unreadable = |reason| ScenarioError::Unreadable { path: path.to_owned(), reason };
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_SIZE {
        return Err(ScenarioError::Usage(format!("{} has {length} bytes: that is no scenario", path.display())));
    }
    let text = crate::files::regular(path).and_then(|_| crate::files::read_text(path, MAX_SIZE)).map_err(unreadable)?;
    let name = path.to_string_lossy().replace('\\', "/");
    Ok(Arc::new(Source { path: path.to_owned(), name, text }))
}

fn parse(source: &Arc<Source>) -> Result<serde_spanned::Spanned<DeTable<'_>>, ScenarioError> {
    DeTable::parse(&source.text).map_err(|e| source.flaw(&e.span().unwrap_or(0..0), e.message()))
}

/// The folder that the scenario's files are relative to.
fn folder(source: &Source, table: &DeTable<'_>) -> PathBuf {
    let here = source.path.parent().unwrap_or(Path::new(""));
    match table.get("files").map(|v| v.get_ref()) {
        Some(DeValue::String(folder)) => here.join(folder.as_ref()),
        _ => here.to_owned(),
    }
}

/// The cases of a file that can be run, and what is wrong with the others.
fn expand(
    found: &Found,
    set: &Set,
    signals: &Arc<Named>,
    used: &mut [bool],
    wanted: &Wanted<'_>,
) -> Result<(Vec<Case>, Vec<ScenarioError>), ScenarioError> {
    let source = read(&found.path)?;
    let table = parse(&source)?;
    let table = table.get_ref();
    let has = |outer: &str, name: &str| matches!(table.get(outer).map(|v| v.get_ref()), Some(DeValue::Table(t)) if t.contains_key(name));
    for (name, used) in set.keys().zip(used) {
        *used |= has("vars", name) || has("matrix", name);
    }
    let combinations = matrix::expand(&source, table, &folder(&source, table), set, &found.root)?;
    let mut errors: Vec<ScenarioError> = Vec::new();
    let mut cases = Vec::new();
    for combination in combinations {
        let mut case = case(&source, found, table, combination, signals)?;
        if !wanted(&case.id) {
            continue;
        }
        match case.build() {
            Ok(built) => {
                case.takes_snapshot = built.scenario.step.iter().any(|s| s.value.step().is_shown());
                cases.push(case);
            }
            // One flaw shows in every case: it is told once.
            Err(error) => {
                for error in error.into_list() {
                    if errors.iter().all(|e| e.to_string() != error.to_string()) {
                        errors.push(error);
                    }
                }
                if errors.len() >= MOST_FLAWS {
                    break;
                }
            }
        }
    }
    Ok((cases, errors))
}

fn case(
    source: &Arc<Source>,
    found: &Found,
    table: &DeTable<'_>,
    combination: Combination,
    signals: &Arc<Named>,
) -> Result<Case, ScenarioError> {
    let Combination { names, mut variables, given } = combination;
    let id = names.iter().fold(found.stem.clone(), |id, (_, value)| format!("{id}/{}", word(value)));
    // What hangs on the part can be used by everything but the part.
    let named = match table.get("part").map(|v| (v.get_ref(), v.span())) {
        Some((DeValue::String(text), span)) => {
            let mut one = DeTable::new();
            let value = serde_spanned::Spanned::new(span.clone(), DeValue::String(text.clone()));
            one.insert(serde_spanned::Spanned::new(span.clone(), "part".into()), value);
            matrix::fill(source, &mut one, &variables)?;
            one.get("part").and_then(|v| v.get_ref().as_str().map(str::to_owned)).map(|name| (name, span))
        }
        _ => variables.get("part").map(|name| (name.clone(), 0..0)),
    };
    if let Some((name, span)) = named {
        let part = find_part(source, &name, &span)?;
        variables.entry("part".to_owned()).or_insert(name);
        if let Some(layout) = Layout::of(&part) {
            for (name, address) in
                [("bootloader", layout.base), ("app", layout.app), ("eeprom", layout.eeprom), ("tag", layout.tag)]
            {
                variables.insert(format!("at.{name}"), format!("0x{address:08X}"));
            }
        }
        variables.insert("at.end".to_owned(), format!("0x{:08X}", part.flash.end()));
        variables.insert("page.size".to_owned(), part.flash.page.to_string());
        variables.insert("page.last".to_owned(), (part.flash.pages() - 1).to_string());
    }
    matrix::settle(source, table, &mut variables)?;
    let source = Arc::clone(source);
    let found = found.clone();
    let given = Arc::new(given);
    let signals = Arc::clone(signals);
    Ok(Case { id, found, source, names, takes_snapshot: false, variables: Arc::new(variables), given, signals })
}

/// A value as a part of a case's name: a sentence, such as a signal, as its first words and a digest.
fn word(value: &str) -> String {
    /// The longest sentence that stays whole, and how much of a longer one is left, in characters.
    const WHOLE: usize = 40;
    const LEFT: usize = 28;
    let plain = |c: char| c.is_alphanumeric() || "._-+".contains(c);
    let word: String = value.chars().map(|c| if plain(c) { c } else { '-' }).collect();
    if value.chars().all(plain) || value.chars().count() <= WHOLE {
        return word;
    }
    let mut words = word.split('-').filter(|w| !w.is_empty());
    let mut short: String = words.next().unwrap_or_default().chars().take(LEFT).collect();
    for next in words {
        if short.chars().count() + 1 + next.chars().count() > LEFT {
            break;
        }
        short = format!("{short}-{next}");
    }
    format!("{short}-{:06x}", fnv1a(value.as_bytes()) & 0xFF_FFFF)
}

fn find_part(source: &Arc<Source>, name: &str, span: &Range<usize>) -> Result<Arc<Part>, ScenarioError> {
    part::find(name).map_err(|e| match e {
        PartError::Unknown { near: Some(near), .. } => source
            .flaw(span, format!("no part is called '{name}'; `dryflash parts` lists them"))
            .hint(format!("did you mean \"{near}\"?")),
        error => source.flaw(span, error.to_string()),
    })
}

impl Case {
    /// Fills the variables in and reads the scenario.
    ///
    /// # Errors
    /// All that is wrong with the scenario, each with line and column.
    pub fn build(&self) -> Result<Built, ScenarioError> {
        let source = &self.source;
        let mut table = parse(source)?;
        let mut errors = Vec::new();
        let base = folder(source, table.get_ref());
        let (steps, holes) = self.steps(table.get_mut(), &mut errors);
        let read = matrix::fill(source, table.get_mut(), &self.variables).and_then(|()| {
            Scenario::deserialize(toml::Deserializer::from(table)).map_err(|e| misread(source, &e, &(0..0)))
        });
        let scenario = match read {
            Ok(scenario) => Some(Scenario { step: steps, ..scenario }),
            Err(error) => {
                errors.push(error);
                None
            }
        };
        let built = scenario.and_then(|scenario| self.looked_at(scenario, base, &holes, &mut errors));
        errors.sort_by_key(|e| if let ScenarioError::Flaw { span, .. } = e { span.start } else { 0 });
        match (ScenarioError::all(errors), built) {
            (None, Some(built)) => Ok(built),
            (Some(error), _) => Err(error),
            (None, None) => Err(source.flaw(&(0..0), "this is no scenario")),
        }
    }

    /// The steps, each read for itself, and where those are missing that cannot be read.
    fn steps(&self, table: &mut DeTable<'_>, errors: &mut Vec<ScenarioError>) -> (Vec<At<AnyStep>>, Vec<usize>) {
        let source = &self.source;
        let (mut steps, mut holes) = (Vec::new(), Vec::new());
        let Some(list) = table.get_mut("step") else {
            let error = source.flaw(&(0..0), "the scenario has no [[step]]");
            errors.push(error.hint("a step is [[step]] and one line, such as boot = \"low\""));
            // What else is wrong can be told all the same.
            let span = 0..0;
            let none = serde_spanned::Spanned::new(span.clone(), DeValue::Array(DeArray::new()));
            table.insert(serde_spanned::Spanned::new(span, "step".into()), none);
            return (steps, vec![0]);
        };
        let span = list.span();
        let DeValue::Array(items) = std::mem::replace(list.get_mut(), DeValue::Array(DeArray::new())) else {
            errors.push(source.flaw(&span, "steps are written as [[step]], one after the other"));
            return (steps, vec![0]);
        };
        for item in items {
            match self.step(item) {
                Ok(step) => steps.push(step),
                Err(error) => {
                    errors.push(error);
                    holes.push(steps.len());
                }
            }
        }
        (steps, holes)
    }

    fn step(&self, mut item: serde_spanned::Spanned<DeValue<'_>>) -> Result<At<AnyStep>, ScenarioError> {
        let source = &self.source;
        matrix::fill_value(source, &mut item, &self.variables)?;
        let span = one_key(source, &item)?;
        let read = AnyStep::deserialize(item.into_deserializer());
        let value = read.map_err(|e: toml::de::Error| misread(source, &e, &span))?;
        Ok(At { value, span })
    }

    /// Looks at what was read, and finds its part and its files.
    fn looked_at(
        &self,
        scenario: Scenario,
        base: PathBuf,
        holes: &[usize],
        errors: &mut Vec<ScenarioError>,
    ) -> Option<Built> {
        let source = &self.source;
        let named = scenario.part.as_ref().map(|p| (p.value.clone(), p.span.clone()));
        let named =
            named.or_else(|| self.names.iter().find(|(axis, _)| axis == "part").map(|(_, v)| (v.clone(), 0..0)));
        let part = named.map(|(name, span)| find_part(source, &name, &span)).transpose();
        let files = Files::new(source, base, &self.given, &scenario.make);
        match (part, files) {
            (Ok(part), Ok(files)) => {
                let pin = scenario.pin.as_ref().map(|p| p.value.0);
                let (source, variables) = (Arc::clone(source), Arc::clone(&self.variables));
                let mut signals = Named::new(files.base());
                for (name, text) in &scenario.signals {
                    signals.insert(name.get_ref(), &text.value, files.base());
                }
                signals.extend(&self.signals);
                let all = scenario.signals.iter();
                let all = all
                    .map(|(name, text)| ((name.get_ref().as_ref(), name.span()), (text.as_str(), text.span.clone())));
                for (name, error) in signals::judge_all(&source, &signals, all) {
                    errors.push(error);
                    // It is told once, not again by each step that names it.
                    signals.insert(name, "low", files.base());
                }
                let asks_app = scenario.step.iter().any(|step| step.value.step().asks_app());
                let setup = Setup { source, part, pin, files, signals, asks_app, variables };
                errors.extend(sound::look(&scenario, &setup, holes));
                Some(Built { scenario, setup })
            }
            (part, files) => {
                errors.extend(part.err());
                errors.extend(files.err());
                None
            }
        }
    }

    /// The values of the matrix, for people: `part F051, pin PB4`.
    pub fn values(&self) -> String {
        self.names.iter().map(|(axis, value)| format!("{axis} {value}")).collect::<Vec<_>>().join(", ")
    }
}

/// What serde says of a part of the file, at its place.
fn misread(source: &Arc<Source>, error: &toml::de::Error, place: &Range<usize>) -> ScenarioError {
    let flaw = source.flaw(&error.span().unwrap_or(place.clone()), error.message());
    match top_hint(unknown_field(error.message())).or_else(|| hint_for(error.message())) {
        Some(hint) => flaw.hint(hint),
        None => flaw,
    }
}

/// Which field serde does not know.
fn unknown_field(message: &str) -> &str {
    message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next()).unwrap_or_default()
}

/// Where a key belongs that stands for the whole scenario, and was found in a table of it: TOML gives a table all lines
/// below its heading.
fn top_hint(key: &str) -> Option<String> {
    const TOP: [&str; 4] = ["about", "part", "pin", "files"];
    TOP.contains(&key)
        .then(|| format!("`{key}` is for the whole scenario: put it at the top, before the first [table]"))
}

/// A step has one key, so that one can say what it does. Where it stands.
fn one_key(source: &Arc<Source>, item: &serde_spanned::Spanned<DeValue<'_>>) -> Result<Range<usize>, ScenarioError> {
    let DeValue::Table(step) = item.get_ref() else {
        return Err(source.flaw(&item.span(), "a step is a table: [[step]] and one line"));
    };
    let mut keys: Vec<_> = step.iter().collect();
    keys.sort_by_key(|(key, _)| key.span().start);
    match keys.as_slice() {
        [] => {
            let error = source.flaw(&item.span(), "the step is empty");
            Err(error.hint(format!("it has one of {}", AnyStep::KEYS.join(", "))))
        }
        [(one, value)] => {
            let name = one.get_ref().as_ref();
            if !AnyStep::KEYS.contains(&name) {
                let error = source.flaw(&one.span(), format!("there is no step `{name}`"));
                if let Some(hint) = top_hint(name) {
                    return Err(error.hint(hint));
                }
                return Err(match nearest(name, AnyStep::KEYS.iter().copied()) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint(format!("there are {}", AnyStep::KEYS.join(", "))),
                });
            }
            if name == "expect" && matches!(value.get_ref(), DeValue::Table(inner) if inner.is_empty()) {
                let error = source.flaw(&one.span(), "this expects nothing: it can never fail");
                return Err(error.hint("name what has to be so, such as expect = { starts = true }"));
            }
            Ok(one.span())
        }
        [(first, _), (second, _), ..] => {
            let (a, b) = (first.get_ref().as_ref(), second.get_ref().as_ref());
            let error = source.flaw(&second.span(), format!("the step has `{a}` already, and does one thing only"));
            Err(error.hint(if AnyStep::KEYS.contains(&b) {
                format!("put a [[step]] before `{b}`")
            } else {
                format!("what belongs to `{a}` goes inside of it: {a} = {{ ..., {b} = ... }}")
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAMPLES: [&str; 4] = [
        include_str!("../../scenarios/by_hand.toml"),
        include_str!("../../scenarios/locked_level_1.toml"),
        include_str!("../../scenarios/eeprom_at_another_layouts_place.toml"),
        include_str!("../cli/new.toml"),
    ];

    #[test]
    fn a_long_signal_is_a_short_word_of_a_case() {
        for (value, named) in [
            ("dshot600 idle after 40 ms", "dshot600-idle-after-40-ms"),
            ("AM32_SOMETHING_WITH_A_VERY_LONG_NAME_F051_2.20", "AM32_SOMETHING_WITH_A_VERY_LONG_NAME_F051_2.20"),
            ("floating, pulldown 10k@5ms, low@80ms, dshot300@1.2s", "floating-pulldown-10k-5ms-"),
        ] {
            assert!(word(value).starts_with(named) && word(value).len() <= named.len() + 6, "{}", word(value));
        }
        assert_ne!(word(&"low, high@5ms".repeat(9)), word(&"low, high@5ms".repeat(8)));
    }

    proptest! {
        /// Whatever stands in a scenario, it is taken or told, with a place inside of the file.
        #[test]
        fn broken_scenarios_are_told(
            sample in 0..SAMPLES.len(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..40usize, "[\\[\\]{}\"=0-9a-z_.,@ \n\u{e4}-]{0,12}"), 1..6),
        ) {
            let mut text: Vec<char> = SAMPLES[sample].chars().collect();
            for (at, cut, put) in edits {
                let at = at.index(text.len() + 1);
                text.splice(at..(at + cut).min(text.len()), put.chars());
            }
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.toml");
            std::fs::write(&path, text.iter().collect::<String>()).unwrap();
            if let Err(error) = load(&[path], &Set::new()) {
                prop_assert!(error.to_string().contains("x.toml:"), "{error}");
            }
        }
    }
}
