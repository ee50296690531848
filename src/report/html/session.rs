//! The pages of sessions: a recording that was replayed, st-flash lines, a command that was run at the virtual ESC.

use super::check::{self, Sections};
use super::frame::{Answer, Mood, Page, Place, capital};
use crate::esc::Verdict;
use crate::esc::changes::Changes;
use crate::plural::count;
use crate::report::replay::{self, Session};
use crate::report::script::Script;
use crate::report::with::With;
use crate::shell;
use askama::Template;

/// What happened in a session, what it changed, and whether the ESC starts after it.
#[derive(Template, Default)]
#[template(path = "session.html", config = "src/report/html/askama.toml")]
pub struct Body {
    /// What to know of it.
    notes: Vec<String>,
    story: Vec<Line>,
    commands: Vec<Carried>,
    /// Where a replay came out otherwise.
    divergences: Vec<Divergence>,
    changes: Changed,
    /// The ESC at the end, a line each.
    state: Vec<String>,
    /// The start afterwards, where somebody asked for it.
    start: Option<Start>,
}

/// Commands of a recording, in words.
struct Line {
    commands: String,
    text: String,
}

/// A line of a script.
struct Carried {
    number: usize,
    text: String,
    mood: Mood,
    said: Vec<String>,
    notes: Vec<String>,
    error: String,
}

/// A reply that came out otherwise.
struct Divergence {
    place: String,
    recorded: String,
    replayed: String,
}

/// What has changed.
#[derive(Default)]
struct Changed {
    /// In flash, a line each.
    flash: Vec<String>,
    options: Vec<OptionRow>,
}

struct OptionRow {
    name: &'static str,
    before: String,
    after: String,
    when: &'static str,
}

/// The start afterwards.
struct Start {
    part: String,
    sentence: String,
    sections: Sections,
}

/// The page of a replayed recording.
pub fn of_replay(session: &Session<'_>) -> Page<Body> {
    let replayed = session.replayed;
    let flaws = session.flaws.iter().map(|flaw| flaw.to_string());
    let divergences = replayed.divergences.iter().map(|d| Divergence {
        place: match d.packet {
            Some(packet) => format!("command {}, packet {packet}, from byte {} on", d.command, d.offset),
            None => format!("command {}, from byte {} on", d.command, d.offset),
        },
        recorded: d.recorded.clone(),
        replayed: d.replayed.clone(),
    });
    let story = session.story.iter().map(|line| Line {
        commands: if line.first == line.last {
            line.first.to_string()
        } else {
            format!("{} to {}", line.first, line.last)
        },
        text: line.text.clone(),
    });
    let body = Body {
        notes: session.notes.iter().cloned().chain(flaws).collect(),
        story: story.collect(),
        divergences: divergences.collect(),
        changes: changed(session.changes),
        state: session.state.iter().map(|line| (*line).to_owned()).collect(),
        ..Body::default()
    };
    let (good, told) = replay::result(session);
    let of = session.header.client.as_ref().map_or_else(String::new, |client| format!(" of `{client}`"));
    let by = session.by.map_or_else(|| format!("through an {}", session.probe), |by| format!("by {by}"));
    let commands = count(replayed.commands, "command");
    let about = format!("{}: {commands}{of}, on an {}, {by}", session.recording, session.part);
    let answer = Answer::new(good, format!("{}.", capital(&told)));
    body.on_a_page("dryflash replay", about, answer, session.verdict)
}

/// The page of st-flash lines.
pub fn of_script(script: &Script<'_>) -> Page<Body> {
    let commands = script.lines.iter().map(|line| Carried {
        number: line.line,
        text: line.text.clone(),
        mood: match (&line.error, line.exit_code) {
            (Some(_), _) => Mood::bad("failed"),
            (None, Some(_)) => Mood::good("done"),
            (None, None) => Mood::plain("not done: the command before it failed"),
        },
        said: line.said.clone(),
        notes: line.notes.clone(),
        error: line.error.clone().unwrap_or_default(),
    });
    let failed = script.lines.iter().find_map(|line| Some((line, line.error.as_ref()?)));
    let left = match script.lines_left {
        0 => String::new(),
        n => format!(" {} left undone.", count(n as u64, "command")),
    };
    let answer = match failed {
        Some((line, error)) => Answer {
            reason: format!("{}: {error}.{left}", line.text),
            ..Answer::new(false, format!("Line {} fails.", line.line))
        },
        None => Answer { reason: left, ..Answer::new(true, "Every line was carried out.".to_owned()) },
    };
    let body = Body {
        notes: script.notes.to_vec(),
        commands: commands.collect(),
        changes: changed(script.changes),
        ..Body::default()
    };
    let about =
        format!("{} on an {}, {} of the ST-LINK", script.script, script.part, count(script.commands, "command"));
    body.on_a_page("dryflash replay", about, answer, script.verdict)
}

/// The page of a command that was run.
pub fn of_with(with: &With<'_>) -> Page<Body> {
    let line = shell::line(with.command.iter().map(String::as_str));
    let line = shell::plain(&line);
    let pages: u32 = with.changes.flash.iter().map(|pages| pages.pages).sum();
    let what = match (pages, with.changes.is_empty()) {
        (_, true) => "nothing in flash or option bytes changed".to_owned(),
        (0, false) => "no page of flash holds anything else than before".to_owned(),
        (pages, false) => format!("{} of flash changed", count(u64::from(pages), "page")),
    };
    let ended = match with.exit_code {
        0 => "The command ended well".to_owned(),
        code => format!("The command ended with exit code {code}"),
    };
    let body = Body { notes: with.notes.to_vec(), changes: changed(with.changes), ..Body::default() };
    let about = format!("{} after `{line}`, {} of the ST-LINK", with.part, count(with.commands, "command"));
    let answer = Answer::new(with.exit_code == 0, format!("{ended}: {what}."));
    body.on_a_page("dryflash with", about, answer, with.verdict)
}

impl Body {
    /// On a page that begins with this answer, and with whether the ESC starts afterwards, where somebody asked.
    fn on_a_page(mut self, verb: &'static str, about: String, answer: Answer, after: Option<&Verdict>) -> Page<Body> {
        let answer = match after {
            Some(verdict) => both(answer, check::answer(verdict)),
            None => answer,
        };
        self.start = after.map(|verdict| Start {
            part: check::part(verdict),
            sentence: check::answer(verdict).sentence,
            sections: Sections::of(verdict),
        });
        let own = [
            (!self.notes.is_empty(), "notes", "Notes"),
            (!self.commands.is_empty(), "lines", "Lines"),
            (!self.story.is_empty(), "story", "Story"),
            (!self.divergences.is_empty(), "divergences", "Divergences"),
            (true, "changes", "Changes"),
            (!self.state.is_empty(), "state", "At the end"),
            (self.start.is_some(), "start", "The start afterwards"),
        ];
        let own = own.into_iter().filter(|(there, _, _)| *there).map(|(_, id, name)| Place { id, name });
        let places = own.chain(self.start.iter().flat_map(|start| start.sections.places())).collect();
        Page::new(verb, about, answer, places, self)
    }
}

/// The start, which is the answer, behind what went wrong in the session; what went well stands below.
fn both(session: Answer, start: Answer) -> Answer {
    if session.good {
        let reason = format!("{} {}", session.sentence, start.reason).trim_end().to_owned();
        return Answer { reason, ..start };
    }
    let sentence = format!("{} {}", session.sentence, start.sentence);
    let reason = format!("{} {}", session.reason, start.reason).trim().to_owned();
    Answer { good: false, sentence, reason, ..start }
}

fn changed(changes: &Changes) -> Changed {
    let options = changes.options.iter().map(|option| OptionRow {
        name: option.name,
        before: option.before.clone(),
        after: option.after.clone(),
        when: if option.loaded { "now" } else { "from the next load of the option bytes or power-on" },
    });
    let options: Vec<OptionRow> = options.collect();
    let flash = Changes { options: Vec::new(), ..changes.clone() };
    let untouched = flash.is_empty() && !options.is_empty();
    let lines = if untouched { Vec::new() } else { flash.to_string().lines().map(capital).collect() };
    Changed { flash: lines, options }
}
