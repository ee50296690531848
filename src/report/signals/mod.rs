//! What `signals` says: a line for each signal. Format `dryflash-signals`, version 1.

mod app;
mod explain;
mod list;

pub use list::Catalogue;

use super::columns::wrap;
use super::{Detail, Render, RenderError, Style, Subject, json, text};
use crate::am32::{Finding, Role, Severity};
use crate::esc::signals::{AppSide, Matrix, Outcome, Plan, Row, Seen, Tally, Version};
use crate::esc::{AfterPowerOn, Verdict};
use crate::plural::{count, verb};
use crate::shell;
use crate::time::Time;
use serde::Serialize;
use std::fmt::Write;

/// The signals that were tried on an ESC.
#[derive(Debug)]
pub struct Report<'a> {
    verdict: &'a Verdict,
    plan: &'a Plan,
    matrix: Matrix,
    version: Version,
    findings: Vec<Finding>,
    app: Option<Vec<AppSide>>,
}

impl<'a> Report<'a> {
    /// What the cases of a plan came to, on what a check has flashed: its errors count.
    pub fn new(verdict: &'a Verdict, plan: &'a Plan, matrix: Matrix, version: Version) -> Report<'a> {
        let mut findings: Vec<Finding> =
            verdict.findings.iter().filter(|f| f.severity == Severity::Error).cloned().collect();
        findings.extend(matrix.findings.iter().cloned());
        findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
        Report { verdict, plan, matrix, version, findings, app: None }
    }

    /// With what the app makes of protocols, where that was asked for.
    #[must_use]
    pub fn with_app(self, app: Option<Vec<AppSide>>) -> Report<'a> {
        Report { app, ..self }
    }

    /// Files that could not be flashed.
    pub fn refused(verdict: &'a Verdict, plan: &'a Plan) -> Report<'a> {
        Report::new(verdict, plan, Matrix { rows: Vec::new(), findings: Vec::new() }, Version::default())
    }

    /// Whether it starts on all that flight controllers are known to send, and on those that were asked for; and no
    /// finding is an error.
    pub fn starts(&self) -> bool {
        !self.matrix.rows.is_empty()
            && self.matrix.starts()
            && self.findings.iter().all(|f| f.severity < Severity::Error)
            && self.app.as_ref().is_none_or(|all| all.iter().any(|a| a.arming.arms()))
    }

    /// A row for each signal.
    pub fn rows(&self) -> &[Row] {
        &self.matrix.rows
    }

    fn bootloader(&self) -> Option<&str> {
        self.verdict.pieces.iter().find(|p| p.role == Role::Bootloader).map(|p| p.image.base_name())
    }
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    starts: bool,
    part: Option<&'a str>,
    files: Vec<FileOut<'a>>,
    bootloader_version: Option<String>,
    phases: u32,
    clocks_ppm: Vec<i32>,
    reset: AfterPowerOn,
    watched_us: Time,
    signals: Vec<RowOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: &'a Option<Vec<AppSide>>,
    findings: &'a [Finding],
}

#[derive(Serialize)]
struct FileOut<'a> {
    name: &'a str,
    role: Role,
}

#[derive(Serialize)]
struct RowOut<'a> {
    #[serde(flatten)]
    sent: list::SentOut<'a>,
    outcome: Tally,
    starts: usize,
    of: usize,
    earliest_us: Option<Time>,
    latest_us: Option<Time>,
    why: &'a str,
    cases: &'a [Seen],
}

impl Render for Report<'_> {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        self.answer(style, &mut out);
        if style.detail != Detail::Quiet {
            self.head(style, &mut out);
            // The catalogue says who sends a signal.
            let of = |usual, known: bool| -> Vec<&Row> {
                self.rows().iter().filter(|r| r.sent.usual == usual && r.sent.about.is_some() == known).collect()
            };
            table(&of(true, false), "what was asked for", style, &mut out);
            table(&of(true, true), "what flight controllers are known to send", style, &mut out);
            table(&of(false, true), "other signals", style, &mut out);
            if let Some(app) = &self.app {
                app::text(app, style, &mut out);
            }
        } else if let Some(app) = &self.app {
            app::in_a_line(app, style, &mut out);
        }
        let told = |f: &&Finding| style.detail != Detail::Quiet || f.severity == Severity::Error;
        let findings: Vec<&Finding> = self.findings.iter().filter(told).collect();
        if !findings.is_empty() {
            if style.detail != Detail::Quiet {
                let _ = writeln!(out, "\n{}", style.heading("findings"));
            }
            findings.iter().for_each(|f| text::one_finding(f, "  ", style, &mut out));
        }
        if let Some((row, seen)) = self.worth_a_look().filter(|_| style.detail != Detail::Quiet) {
            // A signal of one's own has no name: it has to be given again.
            let own = row.sent.about.is_none() && row.sent.wire.name().is_none();
            let case = format!("--explain {}", shell::word(&row.case_name(seen)));
            let line = match own.then(|| row.sent.wire.text()) {
                None => format!("`{case}` shows that case in time"),
                Some(text) if text == row.sent.title => {
                    format!("`--signal {} {case}` shows that case in time", shell::word(&text))
                }
                Some(_) => format!("with the same --signal, `{case}` shows that case in time"),
            };
            wrap(&line, "  ", "    ", style.width, &mut out);
        }
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        let row = |row: &'_ Row| -> Option<()> { row.telling().map(|_| ()) };
        let signals = self.rows().iter().filter(|r| row(r).is_some()).map(|row| {
            let times = row.times();
            RowOut {
                sent: list::SentOut::of(&row.sent),
                outcome: row.tally(),
                starts: row.starts(),
                of: row.seen.len(),
                earliest_us: times.map(|t| t.0),
                latest_us: times.map(|t| t.1),
                why: row.telling().map_or("", |s| &s.why),
                cases: &row.seen,
            }
        });
        json::document(&Document {
            format: "dryflash-signals",
            version: 1,
            starts: self.starts(),
            part: self.verdict.part.as_ref().map(|p| p.name.as_str()),
            files: self.verdict.pieces.iter().map(|p| FileOut { name: &p.image.name, role: p.role }).collect(),
            bootloader_version: Some(self.version.to_string()).filter(|v| !v.is_empty()),
            phases: self.plan.phases,
            clocks_ppm: self.plan.clocks.iter().map(|c| c.0).collect(),
            reset: self.plan.reset,
            watched_us: self.plan.limit,
            signals: signals.collect(),
            app: &self.app,
            findings: &self.findings,
        })
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Signals(self)
    }
}

impl Report<'_> {
    /// A case that did not start.
    fn worth_a_look(&self) -> Option<(&Row, &Seen)> {
        let row = self.rows().iter().filter(|r| r.sent.decides()).find(|r| r.tally() != Tally::Starts)?;
        Some((row, row.telling()?))
    }

    fn answer(&self, style: Style, out: &mut String) {
        let decide: Vec<&Row> = self.rows().iter().filter(|r| r.sent.decides()).collect();
        let of = |tally| decide.iter().filter(|r| r.tally() == tally).count();
        let (all, starts, some) = (decide.len(), of(Tally::Starts), of(Tally::Sometimes));
        let signals = count(all as u64, "signal");
        let line = match (all, starts) {
            (0, _) if self.rows().is_empty() => style.bad("This ESC could not be flashed, and so nothing was tried."),
            (0, _) => "No signal that flight controllers are known to send was tried.".to_owned(),
            (1, 1) => style.good("This ESC would start on this signal."),
            (_, n) if n == all => style.good(&format!("This ESC would start on all {signals} that it has to.")),
            (1, 0) if decide.iter().any(|row| row.seen.iter().any(|s| s.outcome == Outcome::Undecided)) => {
                "It is undecided whether this ESC would start on this signal.".to_owned()
            }
            (1, 0) if some == 0 => style.bad("This ESC would not start on this signal."),
            (1, 0) => style.bad("Whether this ESC would start on this signal depends on chance."),
            (_, 0) if some == 0 => style.bad(&format!("This ESC would start on none of {signals}.")),
            _ => {
                let by_chance = match some {
                    0 => String::new(),
                    n => format!(" On {n} it {} on chance.", verb(n as u64, "depends", "depends")),
                };
                let claim = format!("This ESC would start on {starts} of {signals} that it has to start on.");
                format!("{}{by_chance}", style.bad(&claim))
            }
        };
        wrap(&line, "", "  ", style.width, out);
    }

    fn head(&self, style: Style, out: &mut String) {
        let part = self.verdict.part.as_ref().map_or("no part that is modelled", |p| p.name.as_str());
        let mut about = vec![style.heading(part)];
        about.extend(self.bootloader().map(str::to_owned));
        about.extend(Some(self.version.to_string()).filter(|v| !v.is_empty()));
        wrap(&about.join(", "), "", "  ", style.width, out);
        let Plan { phases, clocks, limit, .. } = self.plan;
        let clocks: Vec<String> =
            clocks.iter().map(|c| if c.0 == 0 { "0".to_owned() } else { c.to_string() }).collect();
        let reset = match self.plan.reset {
            AfterPowerOn::Nothing => "",
            AfterPowerOn::SoftwareReset => ", each after a software reset",
            AfterPowerOn::PinReset => ", each after a reset by the pin",
        };
        let cases = self.rows().iter().map(|r| r.seen.len()).sum::<usize>() as u64;
        let line = format!(
            "{}: {} of a stream's frames, clock errors {}, watched for {limit}{reset}",
            count(cases, "case"),
            count(u64::from(*phases), "phase"),
            clocks.join(", ")
        );
        wrap(&line, "", "  ", style.width, out);
    }
}

/// The rows of a table, under a heading.
fn table(rows: &[&Row], heading: &str, style: Style, out: &mut String) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.heading(heading));
    let words: Vec<String> = rows.iter().map(|r| in_words(r)).collect();
    let names = rows.iter().map(|r| r.sent.title.chars().count()).max().unwrap_or(0).min(34);
    let outcomes = words.iter().map(String::len).max().unwrap_or(0);
    for (row, words) in rows.iter().zip(words) {
        let good = row.tally() == Tally::Starts;
        let painted = match (good, row.sent.decides()) {
            (true, _) => style.good(&words),
            (false, true) => style.bad(&words),
            (false, false) => words.clone(),
        };
        let title = &row.sent.title;
        let long = title.chars().count();
        let time = times(row);
        if long <= names && 4 + names + 2 + outcomes + time.len() <= style.width {
            let gaps = (" ".repeat(names - long), " ".repeat(outcomes - words.len()));
            let line = format!("  {title}{}  {painted}{}  {time}", gaps.0, gaps.1);
            let _ = writeln!(out, "{}", line.trim_end());
        } else {
            wrap(title, "  ", "  ", style.width, out);
            wrap(format!("{painted}  {time}").trim_end(), "    ", "    ", style.width, out);
        }
        if !good || style.detail >= Detail::Thorough {
            reason(row, style, out);
        }
    }
}

fn in_words(row: &Row) -> String {
    match row.tally() {
        Tally::Starts => "starts".to_owned(),
        Tally::Stays => "stays".to_owned(),
        Tally::Sometimes => format!("starts in {} of {}", row.starts(), row.seen.len()),
    }
}

fn times(row: &Row) -> String {
    match row.times() {
        None => String::new(),
        Some((first, last)) => {
            let (first, last) = (first.to_string(), last.to_string());
            if first == last { first } else { format!("{first} to {last}") }
        }
    }
}

/// Why it came out so, in the case that tells most.
fn reason(row: &Row, style: Style, out: &mut String) {
    let Some(seen) = row.telling() else { return };
    let text = match row.tally() {
        Tally::Sometimes => format!("{}: {}", row.case_name(seen), seen.why),
        _ => seen.why.clone(),
    };
    wrap(&text, "      ", "      ", style.width, out);
    if style.detail == Detail::Verbose {
        wrap(&format!("sent: {}", row.sent.wire.text()), "      ", "        ", style.width, out);
    }
}
