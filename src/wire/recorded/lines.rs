//! The lines of a VCD file, and which of them is meant.

use super::error::RecordedError;
use crate::near;
use crate::wire::source::Quoted;
use std::collections::BTreeSet;
use std::sync::Arc;
use vcd::IdCode;

/// The lines of a file that a message names.
const MOST_NAMED: usize = 12;

/// A line of the file, and its scopes, with a dot behind each.
pub(super) struct Line {
    pub within: Arc<str>,
    pub name: String,
    pub id: IdCode,
}

impl Line {
    fn full(&self) -> String {
        format!("{}{}", self.within, self.name)
    }

    /// What names it and no other line, as it is written after `signal`.
    pub fn told(&self, among: &[Line]) -> String {
        let alone = among.iter().all(|other| other.name != self.name || other.id == self.id);
        if alone { Quoted(&self.name).to_string() } else { Quoted(&self.full()).to_string() }
    }
}

/// The line that is asked for. One line may be declared in several scopes.
pub(super) fn find<'a>(path: &str, lines: &'a [Line], asked: Option<&str>) -> Result<&'a Line, RecordedError> {
    let path = path.to_owned();
    let (mut found, mut full): (Vec<&Line>, _) = match asked {
        None => (lines.iter().collect(), false),
        Some(asked) => (lines.iter().filter(|l| l.full() == asked).collect(), true),
    };
    if found.is_empty() {
        (found, full) = (lines.iter().filter(|l| asked == Some(l.name.as_str())).collect(), false);
    }
    match (found.as_slice(), asked) {
        ([line, others @ ..], _) if others.iter().all(|other| other.id == line.id) => Ok(line),
        ([], _) if lines.is_empty() => Err(RecordedError::NoLines { path }),
        ([], asked) => {
            let asked = asked.unwrap_or_default().to_owned();
            let near = near::nearest(&asked, lines.iter().map(|l| l.name.as_str()));
            // A name that several lines have is said with all of them.
            let meant: Vec<&Line> = lines.iter().filter(|l| near == Some(l.name.as_str())).collect();
            let hint = match meant.as_slice() {
                [] => format!("it has {}", listed(lines, lines)),
                meant => format!("did you mean {}?", listed(meant.iter().copied(), lines)),
            };
            Err(RecordedError::NoLine { path, asked, hint })
        }
        (_, Some(name)) if full => Err(RecordedError::Alike { path, name: name.to_owned() }),
        (found, Some(asked)) => {
            let hint = format!("has more than one line '{asked}', {}", listed(found.iter().copied(), lines));
            Err(RecordedError::Which { path, hint })
        }
        (found, None) => {
            let hint = format!("has the lines {}", listed(found.iter().copied(), lines));
            Err(RecordedError::Which { path, hint })
        }
    }
}

/// Some of many, each once, in names that are taken when they are typed.
fn listed<'a>(some: impl IntoIterator<Item = &'a Line>, among: &[Line]) -> String {
    let mut seen = BTreeSet::new();
    let (mut names, mut more) = (Vec::new(), 0);
    for line in some {
        if !seen.insert((&line.within, &line.name)) {
            continue;
        }
        if names.len() < MOST_NAMED {
            let name = line.told(among);
            if !names.contains(&name) {
                names.push(name);
            }
        } else {
            more += 1;
        }
    }
    let names = names.join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}
