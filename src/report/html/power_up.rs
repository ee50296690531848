//! One power-up: how it ended, its time line, and what was seen.

use super::frame::Mood;
use super::time_line::TimeLine;
use crate::esc::{BootRun, Ending, Verdict};
use crate::image::Symbols;
use crate::report::{last, text};
use askama::Template;

/// The power-ups in the order in which they were asked for.
#[derive(Template)]
#[template(path = "power_ups.html", config = "src/report/html/askama.toml")]
pub struct PowerUps {
    all: Vec<PowerUp>,
}

struct PowerUp {
    id: String,
    name: String,
    mood: Mood,
    ending: String,
    /// The verdict hangs on it: it is not folded away.
    decides: bool,
    line: TimeLine,
    /// What the time line does not tell.
    more: Vec<String>,
    /// What ran last before a fault, the caller first; nothing where there was none.
    last: Vec<String>,
}

impl PowerUps {
    /// Of a verdict.
    pub fn of(verdict: &Verdict) -> PowerUps {
        let decisive = verdict.decisive();
        let one = |(n, run): (usize, &BootRun)| {
            let told = run.told(verdict.hopes(run));
            let id = format!("power-up-{}", n + 1);
            let named = |text: &str| verdict.symbols.name_places(text).into_owned();
            // An updater that ends is as hoped only where the chip starts with what it wrote.
            let left = verdict.update.as_ref().filter(|_| matches!(run.ending, Ending::AppReset { .. }));
            let left = left.and_then(|update| update.trouble.as_ref());
            let after = left.map_or_else(String::new, |trouble| format!("; then {trouble}"));
            let ending = named(&format!("{}{}{after}", told.head, told.rest));
            PowerUp {
                line: TimeLine::of(run, id.clone(), &ending, &named),
                id,
                name: run.power_up.to_string(),
                mood: if told.good && left.is_none() { Mood::good("as hoped") } else { Mood::bad("not as hoped") },
                ending,
                decides: decisive.is_some_and(|it| std::ptr::eq(it, run)),
                more: last::handling(run, &verdict.symbols)
                    .into_iter()
                    .chain(more(run).iter().map(|line| named(line)))
                    .collect(),
                last: last(run, &verdict.symbols),
            }
        };
        PowerUps { all: verdict.runs.iter().enumerate().map(one).collect() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// A line each.
fn last(run: &BootRun, symbols: &Symbols) -> Vec<String> {
    let Some(last) = &run.last else { return Vec::new() };
    let name = |pc: u32| symbols.at(pc).map_or_else(String::new, |symbol| format!("  ; {symbol}"));
    let caller = last.caller(symbols).map_or_else(String::new, |caller| format!(", called from {caller}"));
    let begin = format!("LR 0x{:08X}{caller}", last.lr);
    let each = last.instructions.iter().map(|i| format!("0x{:08X}  {}{}", i.pc, i.text, name(i.pc)));
    [begin].into_iter().chain(each).collect()
}

fn more(run: &BootRun) -> Vec<String> {
    let mut lines: Vec<String> = text::signal(run).into_iter().collect();
    lines.extend(run.polled.iter().map(|p| format!("polls {} at PC 0x{:08X}", p.name, p.pc)));
    lines.extend(run.sampled.iter().map(|s| format!("samples {}, {} times", s.pin, s.samples)));
    lines.extend(text::rewritten(run));
    for touched in run.in_vain.iter().chain(&run.unmodelled) {
        lines.push(format!("{} at PC 0x{:08X}: {}", touched.name, touched.pc, touched.text));
    }
    lines
}
