//! Text for people; and that of a check.

use super::columns::{visible, wrap};
use super::{ANY, Detail, Form, Style};
use crate::am32::{self, Evidence, Finding, Piece, PlacedBy, Severity};
use crate::esc::Reason;
use crate::esc::alive::{Alive, How, Interrupt, Loop, Pwm, Works};
use crate::esc::{BootRun, Ending, Verdict};
use crate::plural::{count, thousands, verb};
use crate::section::{self, Section};
use crate::shell;
use std::fmt::Write;

/// The form.
pub const FORM: Form = Form {
    name: "text",
    about: "For people",
    of: ANY,
    make: |report, setting| {
        let text = report.text(setting.style);
        Ok(if setting.style.colour { shell::coloured(&text) } else { shell::lines(&text) }.into_owned())
    },
    summary: None,
    is_one,
};

/// By a run's last line, a check's first, the first line of a command's.
fn is_one(head: &str) -> bool {
    let first = head.lines().next().unwrap_or_default();
    let heading = || head.lines().skip(1).any(|l| matches!(l, "files" | "power-ups" | "findings"));
    head.lines().any(|l| l.contains(" cases: ") || l.contains(" case: "))
        || ANSWERS.iter().any(|begin| first.starts_with(begin)) && heading()
        || first.contains(" after `") && first.ends_with(" commands:")
}

/// How the first line of a check begins.
const ANSWERS: [&str; 5] =
    ["This ESC would", "The app would", "The update would", "This update would", "dryflash cannot say"];

/// The verdict of a check.
pub fn verdict(verdict: &Verdict, style: Style) -> String {
    if style.detail == Detail::Quiet {
        let mut out = String::new();
        answer(verdict, style, &mut out);
        let errors = |f: &&Finding| f.severity == Severity::Error;
        for finding in verdict.findings.iter().filter(errors) {
            one_finding(finding, "", style, &mut out);
        }
        return out;
    }
    section::join(&sections(verdict, style))
}

/// The name of the section that a report begins with.
pub const ANSWER: &str = "answer";

/// The verdict of a check, section by section: [`ANSWER`], `findings`, `part`, `files`, `power-ups`, and `explanations`
/// where they are wanted. One that has nothing to tell is empty.
pub fn sections(verdict: &Verdict, style: Style) -> Vec<Section> {
    let section = |name, write: &dyn Fn(&mut String)| {
        let mut text = String::new();
        write(&mut text);
        Section { name, text }
    };
    let explained = style.detail == Detail::Verbose;
    vec![
        section(ANSWER, &|out| answer(verdict, style, out)),
        section("findings", &|out| findings(&verdict.findings, style, out)),
        section("part", &|out| head(verdict, style, out)),
        section("files", &|out| files(verdict, style, out)),
        section("power-ups", &|out| power_ups(verdict, style, out)),
        section("explanations", &|out| {
            if explained {
                explanations(&verdict.findings, style, out)
            }
        }),
    ]
}

fn head(verdict: &Verdict, style: Style, out: &mut String) {
    let part = match &verdict.part {
        Some(part) if part.short.is_some() => format!("{} ({})", part.name, part.nick()),
        Some(part) => part.name.clone(),
        None => "no part that is modelled".to_owned(),
    };
    wrap(&format!("{}, {}", style.heading(&part), verdict.part_evidence), "", "  ", style.width, out);
    if !verdict.also.is_empty() {
        let names: Vec<&str> = verdict.also.iter().map(|p| p.nick()).collect();
        wrap(&format!("the same outcome on {}", names.join(", ")), "", "  ", style.width, out);
    }
}

fn files(verdict: &Verdict, style: Style, out: &mut String) {
    if verdict.pieces.is_empty() {
        return;
    }
    let _ = writeln!(out, "{}", style.heading("files"));
    let rows: Vec<(&Piece, String)> = verdict.pieces.iter().map(|piece| (piece, place(piece))).collect();
    let places = rows.iter().map(|(_, place)| place.len()).max().unwrap_or(0);
    let shown = names(&verdict.pieces, style.detail);
    let long = shown.iter().map(|n| visible(n)).max().unwrap_or(0);
    // Where names are too long for it, each is on a line of its own.
    let fits = 15 + long + 2 + places <= style.width;
    let indent = " ".repeat(15);
    for ((piece, place), name) in rows.iter().zip(shown) {
        let role = piece.role.to_string();
        if fits {
            let gap = " ".repeat(long - visible(name));
            let _ = writeln!(out, "  {role:<12} {name}{gap}  {place}");
        } else {
            wrap(name, &format!("  {role:<12} "), &indent, style.width, out);
            wrap(place, &indent, &indent, style.width, out);
        }
        wrap(&tells(piece), &indent, &indent, style.width, out);
    }
}

/// The files' names: without folders, unless all is to be told or two have the same.
fn names(pieces: &[Piece], detail: Detail) -> Vec<&str> {
    let bases: Vec<&str> = pieces.iter().map(|p| p.image.base_name()).collect();
    let same = |base: &&&str| bases.iter().filter(|b| b == base).count() > 1;
    let whole = detail == Detail::Verbose || bases.iter().any(|base| same(&base));
    if whole { pieces.iter().map(|p| &*p.image.name).collect() } else { bases }
}

/// Where a file goes, and how long it is.
pub(super) fn place(piece: &Piece) -> String {
    let at = piece.image.segments.first().map_or(0, |s| s.address);
    let moved = match piece.placed_by {
        PlacedBy::Role => " (its role's address)",
        PlacedBy::File | PlacedBy::User => "",
    };
    let bytes = piece.image.len();
    format!("0x{at:08X}{moved}, {} {}", thousands(bytes), verb(bytes as u64, "byte", "bytes"))
}

/// What told the role, and what a file tells about itself: by its bytes, by its name, by running, each said to be so.
pub(super) fn tells(piece: &Piece) -> String {
    let (bytes, name, run) = (piece.info.phrases(), piece.info.named(), piece.info.seen.phrases());
    let by_name = (Evidence::FileName.to_string(), name);
    let mut told = match piece.evidence {
        Evidence::FileName => vec![by_name, (Evidence::Marks.to_string(), bytes)],
        evidence => vec![(evidence.to_string(), bytes), by_name],
    };
    told.push(("by running".to_owned(), run));
    let phrase = |(n, (by, what)): (usize, (String, Vec<String>))| match (what.as_slice(), n) {
        ([], 0) => Some(by),
        ([], _) => None,
        (what, _) => Some(format!("{by}: {}", what.join(", "))),
    };
    told.into_iter().enumerate().filter_map(phrase).collect::<Vec<_>>().join("; ")
}

/// Names of power-ups that what became of them stands beside.
const LONGEST_NAME: usize = 30;

fn power_ups(verdict: &Verdict, style: Style, out: &mut String) {
    if verdict.runs.is_empty() {
        return;
    }
    let _ = writeln!(out, "{}", style.heading("power-ups"));
    let groups = alike(verdict, style);
    let names = groups.iter().map(|g| g.names.len()).max().unwrap_or(0);
    // Beside the names where there is room for it, else below them.
    let beside = names <= LONGEST_NAME && style.width >= names + 4 + 40;
    for group in groups {
        if !beside {
            wrap(&group.names, "  ", "    ", style.width, out);
        }
        for (n, line) in group.lines.iter().enumerate() {
            let first = if n == 0 { group.names.as_str() } else { "" };
            match beside {
                true => wrap(line, &format!("  {first:<names$}  "), &" ".repeat(names + 6), style.width, out),
                false if n == 0 => wrap(line, "    ", "        ", style.width, out),
                false => wrap(line, "      ", "        ", style.width, out),
            }
        }
    }
}

/// Power-ups that end alike, which need not be told twice.
struct Alike {
    names: String,
    /// How they ended.
    end: Vec<String>,
    /// That, and what was seen of the first.
    lines: Vec<String>,
}

fn alike(verdict: &Verdict, style: Style) -> Vec<Alike> {
    let whole = style.detail == Detail::Verbose;
    let mut groups: Vec<Alike> = Vec::new();
    for run in &verdict.runs {
        let told = run.told(verdict.hopes(run));
        let head = if told.good { style.good(told.head) } else { style.bad(told.head) };
        let mut end = vec![format!("{head}{}", told.rest)];
        end.extend(rewritten(run));
        if let Some(twin) = groups.iter_mut().find(|g| g.end == end).filter(|_| !whole) {
            let name = match run.power_up.steady_level() {
                Some(level) => format!(", {level}"),
                None => format!("; {}", run.power_up),
            };
            twin.names.push_str(&name);
            continue;
        }
        let mut lines = end.clone();
        // How what is as hoped came about is a detail.
        if style.detail >= Detail::Thorough || !told.good {
            lines.splice(1..1, evidence(run, run.reason.as_ref(), style.detail));
        }
        lines.extend(super::last::lines(run, &verdict.symbols, style.detail));
        for line in &mut lines {
            *line = verdict.symbols.name_places(line).into_owned();
        }
        groups.push(Alike { names: run.power_up.to_string(), end, lines });
    }
    groups
}

/// What was seen, a line each.
fn evidence(run: &BootRun, reason: Option<&Reason>, detail: Detail) -> Vec<String> {
    let mut lines = Vec::new();
    // Before a jump the last look decides; a bootloader that stays looks again and again, and the first tells.
    let look = if run.jump.is_some() { run.boot_byte.last() } else { run.boot_byte.first() };
    if let Some(read) = look {
        lines.push(format!(
            "boot byte at 0x{:08X} read as {:02X}, PC 0x{:08X}, {}",
            read.address, read.value, read.pc, read.time_us
        ));
    }
    if let Some(jump) = &run.jump {
        let mut line = format!("MSP 0x{:08X}", jump.msp);
        if jump.vtor != 0 {
            let _ = write!(line, ", VTOR 0x{:08X}", jump.vtor);
        }
        if let Some(pin) = run.sampled.first() {
            let _ = write!(line, ", signal on {}", pin.pin);
        }
        if let Some(app) = &run.app {
            let _ = match app.instructions {
                0 => write!(line, "; the app ran no instruction"),
                n => write!(line, "; the app ran its first {} instructions in {}", thousands(n), app.time_us),
            };
            if let Some(reload) = app.first_watchdog_reload_us.filter(|t| *t <= app.time_us) {
                let _ = write!(line, ", and fed its watchdog {reload} after the jump");
            }
        }
        lines.push(line);
    }
    lines.extend(run.app.as_ref().and_then(|a| a.alive.as_ref()).map(alive));
    lines.extend(signal(run));
    if let (Ending::AppReset { .. }, Some(polled)) = (&run.ending, run.polled.first()) {
        lines.push(format!("polls {} at PC 0x{:08X}", polled.name, polled.pc));
    }
    if let (Ending::Stays, Some(polled)) = (&run.ending, run.polled.first()) {
        let pins: Vec<&str> = run.sampled.iter().map(|s| s.pin.as_str()).take(2).collect();
        let pins = if pins.is_empty() { String::new() } else { format!("; samples {}", pins.join(", ")) };
        if !matches!(reason, Some(Reason::Hung { .. })) {
            lines.push(format!("polls {} at PC 0x{:08X}{pins}", polled.name, polled.pc));
        }
    }
    let told = match (detail, &run.ending) {
        (Detail::Verbose, _) => usize::MAX,
        (_, Ending::AppRuns) => 0,
        _ => 3,
    };
    for touched in run.in_vain.iter().take(told) {
        lines.push(format!("{} at PC 0x{:08X}: {}", touched.name, touched.pc, touched.text));
    }
    lines
}

/// Pages that the code changed, and what became of the settings in them.
pub(super) fn rewritten(run: &BootRun) -> Vec<String> {
    let mut lines = Vec::new();
    for page in &run.changed {
        let (bytes, differ) = (page.bytes as u64, verb(page.bytes as u64, "differs", "differ"));
        lines.push(format!(
            "{} rewrote the page at 0x{:08X}: {} {differ}",
            page.by,
            page.address,
            count(bytes, "byte")
        ));
        if let Some(settings) = &page.settings {
            let changes = crate::am32::settings::changes(&settings.before, &settings.after);
            if !changes.is_empty() {
                lines.push(format!("settings: {}", changes.join(", ")));
            }
        }
    }
    lines
}

/// The pin that the app takes its signal on, once it is at work.
pub(super) fn signal(run: &BootRun) -> Option<String> {
    let app = run.app.as_ref().filter(|a| matches!(a.alive, Some(Alive::Loop(_) | Alive::Works(_))))?;
    let pins: Vec<String> = app.signal.iter().map(|s| format!("{} ({})", s.pin, s.through)).collect();
    Some(match pins.is_empty() {
        true => "the app's signal pin was not found: it captures no edge".to_owned(),
        false => format!("the app's signal on {}", pins.join(", ")),
    })
}

/// What was seen of the app's life, in a line.
pub(super) fn alive(alive: &Alive) -> String {
    match alive {
        Alive::Loop(l) => main_loop(l),
        Alive::Works(w) => works(w),
        Alive::Hung(s) | Alive::Undecided(s) => match s.polled.first() {
            _ if s.sleeps => "sleeps until something comes from outside".to_owned(),
            Some(p) => format!("polls {} at PC 0x{:08X}", p.name, p.pc),
            None => "reads no register".to_owned(),
        },
    }
}

/// An app at work without a watchdog, in a line.
fn works(w: &Works) -> String {
    let mut line = match w.how {
        How::Handlers => "at work in its handlers".to_owned(),
        How::Sleeps => format!("sleeps at PC 0x{:08X}, and is woken again and again", w.pc),
        How::OwnLoop => format!("goes round a loop of its own by PC 0x{:08X}, without a watchdog", w.pc),
    };
    tell_interrupts(&w.interrupts, &mut line);
    tell_pwm(&w.pwm, &mut line);
    line
}

/// The app's main loop, in a line.
fn main_loop(l: &Loop) -> String {
    let mut line = format!(
        "main loop at PC 0x{:08X} from {} after the jump on, a watchdog reload every {} (longest {})",
        l.pc, l.first_us, l.interval_us, l.longest_us
    );
    tell_interrupts(&l.interrupts, &mut line);
    tell_pwm(&l.pwm, &mut line);
    if let Some(at) = l.reset_us {
        let _ = write!(line, "; it reset the chip by itself {at} after the jump, as AM32's apps do without a signal");
    }
    line
}

fn tell_interrupts(interrupts: &[Interrupt], line: &mut String) {
    let told: Vec<String> = interrupts.iter().take(3).map(|i| format!("{} {}", thousands(i.taken), i.name)).collect();
    let _ = match told.is_empty() {
        true => write!(line, "; no interrupt so far"),
        false => write!(line, "; interrupts: {}", told.join(", ")),
    };
}

fn tell_pwm(timers: &[Pwm], line: &mut String) {
    for pwm in timers {
        let channels: Vec<String> = pwm.channels.iter().map(u8::to_string).collect();
        let (name, khz, duty) = (&pwm.timer, pwm.hz as f64 / 1e3, f64::from(pwm.duty_permille) / 10.0);
        let _ = write!(line, "; {name} puts out {khz:.1} kHz on channels {}, at most {duty:.1} %", channels.join(", "));
    }
}

fn findings(findings: &[Finding], style: Style, out: &mut String) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(out, "{}", style.heading("findings"));
    for finding in findings {
        one_finding(finding, "  ", style, out);
    }
    if let Some(first) = findings.iter().find(|f| f.severity == Severity::Error) {
        let _ = writeln!(out, "  `dryflash explain {}` tells more", first.id);
    }
}

/// A finding, and what to do about it.
pub(super) fn one_finding(finding: &Finding, indent: &str, style: Style, out: &mut String) {
    let place = match (&finding.file, &finding.place) {
        (Some(file), Some(place)) => format!("{file} {place}: "),
        (Some(file), None) => format!("{file}: "),
        _ => String::new(),
    };
    let text = format!("{} {}: {place}{}", style.severity(finding.severity), finding.id, finding.message);
    let deeper = format!("{indent}    ");
    wrap(&text, indent, &deeper, style.width, out);
    if !finding.advice.is_empty() {
        wrap(&format!("-> {}", finding.advice), &deeper, &format!("{deeper}   "), style.width, out);
    }
}

/// Each finding at length, once.
fn explanations(findings: &[Finding], style: Style, out: &mut String) {
    let mut told = Vec::new();
    for finding in findings {
        let id = finding.id.to_string();
        let Some(explanation) = am32::explain(&id).filter(|_| !told.contains(&id)) else { continue };
        let gap = if told.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{gap}{}: {}", style.heading(&id), explanation.title);
        for line in explanation.text.lines() {
            let _ = writeln!(out, "{}", format!("  {line}").trim_end());
        }
        told.push(id);
    }
}

/// The answer, and why.
fn answer(verdict: &Verdict, style: Style, out: &mut String) {
    let answer = verdict.answer();
    let claim = if answer.good { style.good(&answer.claim) } else { style.bad(&answer.claim) };
    let text = answer.reason.map_or_else(|| claim.clone(), |reason| format!("{claim} {reason}"));
    wrap(&text, "", "", style.width, out);
}
