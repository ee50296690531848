//! One power-up: how it ended, its time line, and what was seen.

use super::frame::Mood;
use super::time_line::TimeLine;
use crate::esc::{BootRun, Verdict};
use crate::image::Symbols;
use crate::report::{Detail, last, text};
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
}

impl PowerUps {
    /// Of a verdict.
    pub fn of(verdict: &Verdict) -> PowerUps {
        let decisive = verdict.decisive();
        let one = |(n, run): (usize, &BootRun)| {
            let told = run.told(verdict.hopes(run));
            let id = format!("power-up-{}", n + 1);
            let named = |line: &str| verdict.symbols.name_places(line).into_owned();
            let ending = named(&format!("{}{}", told.head, told.rest));
            PowerUp {
                line: TimeLine::of(run, id.clone(), &ending),
                id,
                name: run.power_up.to_string(),
                mood: if told.good { Mood::good("as hoped") } else { Mood::bad("not as hoped") },
                ending,
                decides: decisive.is_some_and(|it| std::ptr::eq(it, run)),
                more: more(run, &verdict.symbols).iter().map(|line| named(line)).collect(),
            }
        };
        PowerUps { all: verdict.runs.iter().enumerate().map(one).collect() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

fn more(run: &BootRun, symbols: &Symbols) -> Vec<String> {
    let mut lines: Vec<String> = text::signal(run).into_iter().collect();
    lines.extend(run.polled.iter().map(|p| format!("polls {} at PC 0x{:08X}", p.name, p.pc)));
    lines.extend(run.sampled.iter().map(|s| format!("samples {}, {} times", s.pin, s.samples)));
    lines.extend(text::rewritten(run));
    lines.extend(last::lines(run, symbols, Detail::Verbose));
    for touched in run.in_vain.iter().chain(&run.unmodelled) {
        lines.push(format!("{} at PC 0x{:08X}: {}", touched.name, touched.pc, touched.text));
    }
    lines
}
