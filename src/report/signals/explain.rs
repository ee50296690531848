//! `signals --explain`: one case in time, with the samples on the wire. Format `dryflash-signals-case`, version 1.

use super::list::SentOut;
use crate::chip::samples::{Look, Stretch};
use crate::esc::signals::{Explained, Outcome, Seen};
use crate::periph::gpio::Pull;
use crate::periph::signal::Drive;
use crate::plural::thousands;
use crate::report::columns::wrap;
use crate::report::{Render, RenderError, Style, json};
use crate::time::Time;
use crate::wire::Level;
use serde::Serialize;
use std::fmt::Write;

/// Looks that the document holds.
const MOST_LOOKS: usize = 10_000;
/// Changes of the wire that are drawn: seconds of DShot.
const MOST_CHANGES: usize = 2_000_000;
/// Stretches that are drawn.
const MOST_STRETCHES: usize = 8;
/// Columns of a drawing at most.
const WIDEST: usize = 72;

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    #[serde(flatten)]
    sent: SentOut<'a>,
    seen: &'a Seen,
    looks: Vec<LookOut>,
    looks_left_out: usize,
}

/// Equal looks, one after another.
#[derive(Serialize)]
struct LookOut {
    time_us: Time,
    times: u64,
    spacing_us: Time,
    high: bool,
    pull: Pull,
    pc: u32,
}

impl LookOut {
    fn of(look: &Look) -> LookOut {
        let Look { time, times, spacing, high, pull, pc } = *look;
        LookOut { time_us: time, times, spacing_us: spacing, high, pull, pc }
    }
}

impl Render for Explained {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        let Seen { case, outcome, time, why, pin, samples, .. } = &self.seen;
        let (good, verb) = match outcome {
            Outcome::Starts => (true, format!("starts after {time}")),
            Outcome::Stays => (false, format!("stays, watched for {time}")),
            Outcome::Undecided => (false, format!("undecided after {time}")),
            Outcome::Fails => (false, format!("fails after {time}")),
        };
        let verb = if good { style.good(&verb) } else { style.bad(&verb) };
        let name = if self.sent.wire.is_stream() { case.name(&self.sent) } else { self.sent.title.clone() };
        wrap(&format!("{}: {verb}", style.heading(&name)), "", "  ", style.width, &mut out);
        wrap(&format!("on the wire: {}", self.run.power_up.wire.text()), "", "  ", style.width, &mut out);
        let _ = writeln!(out);
        let drawing = Drawing::of(self, style);
        for stretch in samples.iter().take(MOST_STRETCHES) {
            drawing.stretch(stretch, pin.as_deref().unwrap_or_default(), style, &mut out);
        }
        if samples.len() > MOST_STRETCHES {
            let more = thousands(samples.len() - MOST_STRETCHES);
            wrap(&format!("and {more} more changes of the pull"), "", "  ", style.width, &mut out);
        }
        if samples.is_empty() {
            wrap("The code never looked at its pin.", "", "  ", style.width, &mut out);
        } else {
            wrap(&drawing.legend(), "", "  ", style.width, &mut out);
        }
        let _ = writeln!(out);
        wrap(&format!("{}: {why}", style.heading("in the end")), "", "  ", style.width, &mut out);
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        json::document(&Document {
            format: "dryflash-signals-case",
            version: 1,
            sent: SentOut::of(&self.sent),
            seen: &self.seen,
            looks: self.looks.iter().take(MOST_LOOKS).map(LookOut::of).collect(),
            looks_left_out: self.looks.len().saturating_sub(MOST_LOOKS),
        })
    }
}

/// The signs of a drawing.
struct Signs {
    low: char,
    high: char,
    both: char,
    floats: char,
}

const ASCII: Signs = Signs { low: '_', high: '-', both: '#', floats: '~' };
const UNICODE: Signs = Signs { low: '\u{2581}', high: '\u{2594}', both: '\u{2588}', floats: '~' };

struct Drawing<'a> {
    signs: &'static Signs,
    columns: usize,
    start: Drive,
    changes: Vec<(Time, Drive)>,
    looks: &'a [Look],
}

impl<'a> Drawing<'a> {
    fn of(explained: &'a Explained, style: Style) -> Drawing<'a> {
        let (start, changes) = explained.run.power_up.wire.changes(explained.seen.time, MOST_CHANGES);
        Drawing {
            signs: if style.unicode { &UNICODE } else { &ASCII },
            // Behind "  wire  ".
            columns: style.width.saturating_sub(8).clamp(16, WIDEST),
            start,
            changes,
            looks: &explained.looks,
        }
    }

    fn legend(&self) -> String {
        let Signs { low, high, both, floats } = self.signs;
        format!(
            "wire: {low} low, {high} high, {both} both, {floats} floating; read: what the code read, 0 low, 1 high, x both"
        )
    }

    fn stretch(&self, stretch: &Stretch, pin: &str, style: Style, out: &mut String) {
        let Stretch { pull, all, .. } = stretch;
        let pull_told = match pull {
            Pull::Down => "pull-down",
            Pull::Up => "pull-up",
            Pull::None => "no pull",
        };
        let line = format!(
            "{pin} with {}, {} to {}: {} of {} samples low, {} high",
            style.heading(pull_told),
            all.from,
            all.to,
            thousands(all.low),
            thousands(all.looks()),
            thousands(all.high)
        );
        wrap(&line, "", "  ", style.width, out);
        for place in &stretch.by_place {
            let looks = place.looks;
            let every = looks.spacing().map_or_else(String::new, |s| format!(", one in {s}"));
            let line = format!(
                "PC 0x{:08X}: {} low, {} high from {} to {}{every}",
                place.pc,
                thousands(looks.low),
                thousands(looks.high),
                looks.from,
                looks.to
            );
            if stretch.by_place.len() > 1 {
                wrap(&line, "  ", "    ", style.width, out);
            }
        }
        if all.looks() > 1 {
            self.draw(all.from, all.to, *pull, out);
        }
        // The same from the first low sample on, each sample for itself.
        let own: Vec<&Look> =
            self.looks.iter().filter(|l| l.pull == *pull && l.time >= all.from && l.time <= all.to).collect();
        let low = own.iter().find(|l| !l.high).filter(|_| all.high > 0 && all.low > 0);
        if let (Some(low), Some(spacing)) = (low, all.spacing()) {
            let span = Time(spacing.0.max(1_000_000) * self.columns as u64 / 4);
            if span < all.to.since(all.from) {
                let from = low.time.since(Time(span.0 / 4)).max(all.from);
                let line = format!("from {from} on, {span} of it:");
                wrap(&line, "  ", "  ", style.width, out);
                self.draw(from, from + span, *pull, out);
            }
        }
        let _ = writeln!(out);
    }

    /// The wire, and what was read of it, from an instant to another.
    fn draw(&self, from: Time, to: Time, pull: Pull, out: &mut String) {
        let columns = self.columns as u64;
        let span = to.since(from).0.max(1);
        let edge = |n: u64| from + Time((u128::from(span) * u128::from(n) / u128::from(columns)) as u64);
        let mut wire = String::new();
        let mut read = String::new();
        for n in 0..columns {
            let (begin, end) = (edge(n), edge(n + 1));
            wire.push(self.wire(begin, end));
            read.push(self.read(begin, end, n + 1 == columns, pull));
        }
        let _ = writeln!(out, "  wire  {wire}");
        let _ = writeln!(out, "{}", format!("  read  {read}").trim_end());
    }

    fn wire(&self, begin: Time, end: Time) -> char {
        let first = self.changes.partition_point(|(t, _)| *t <= begin);
        let at_first = first.checked_sub(1).map_or(self.start, |n| self.changes[n].1);
        let mut levels = self.changes[first..].iter().take_while(|(t, _)| *t < end).map(|(_, drive)| Level::of(*drive));
        let level = Level::of(at_first);
        if levels.any(|other| other != level) {
            return self.signs.both;
        }
        match level {
            Level::Low => self.signs.low,
            Level::High => self.signs.high,
            Level::Floating => self.signs.floats,
        }
    }

    /// What was read in this time; its end counts for the last column.
    fn read(&self, begin: Time, end: Time, last: bool, pull: Pull) -> char {
        let inside = |l: &&Look| {
            let until = Time(l.time.0 + l.spacing.0 * l.times.saturating_sub(1));
            l.pull == pull
                && until >= begin
                && (l.time < end || last && l.time == end)
                && falls_inside(l, begin, end, last)
        };
        // They are in order of their first looks; those of skipped rounds are long.
        let (mut low, mut high) = (false, false);
        for look in self.looks.iter().filter(inside) {
            low |= !look.high;
            high |= look.high;
            if low && high {
                return 'x';
            }
        }
        match (low, high) {
            (true, false) => '0',
            (false, true) => '1',
            _ => ' ',
        }
    }
}

/// Whether one of these equal looks is in this time.
fn falls_inside(look: &Look, begin: Time, end: Time, last: bool) -> bool {
    let spacing = look.spacing.0.max(1);
    let n = begin.since(look.time).0.div_ceil(spacing).min(look.times.saturating_sub(1));
    let at = Time(look.time.0 + n * look.spacing.0);
    at >= begin && (at < end || last && at == end)
}
