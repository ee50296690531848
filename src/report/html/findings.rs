//! Findings, with what to do as commands to copy.

use super::frame::capital;
use crate::am32::{self, Finding, Severity, Span};
use askama::Template;

/// What to do.
#[derive(Template)]
#[template(path = "advice.html", config = "src/report/html/askama.toml")]
pub struct Advice {
    stretches: Vec<Stretch>,
}

/// A stretch of a sentence.
enum Stretch {
    /// Words.
    Words(String),
    /// A command to copy.
    Command(String),
    /// A command within the sentence.
    Aside(String),
}

/// Findings in their order.
#[derive(Template)]
#[template(path = "findings.html", config = "src/report/html/askama.toml")]
pub struct Findings {
    all: Vec<Found>,
}

/// A finding.
struct Found {
    id: String,
    class: &'static str,
    sign: &'static str,
    word: &'static str,
    title: &'static str,
    /// The file, the place in it, the address in flash.
    place: String,
    message: String,
    advice: Advice,
    /// Where no finding before it had the same.
    explained: Vec<Block>,
}

/// A block of an explanation.
enum Block {
    Heading(String),
    Text(String),
    /// Lines that are kept as they are.
    Lines(String),
}

impl Advice {
    /// As a finding has it.
    pub fn of(advice: &am32::Advice) -> Advice {
        let stretch = |span: &Span| match span {
            Span::Text(text) => Stretch::Words(text.clone()),
            Span::Command(command) => Stretch::Command(command.to_string()),
            Span::Aside(command) => Stretch::Aside(command.to_string()),
        };
        let mut stretches: Vec<Stretch> = advice.spans().iter().map(stretch).collect();
        if let Some(Stretch::Words(words)) = stretches.first_mut() {
            *words = capital(words);
        }
        // A command has a line of its own: what joined a sentence to it begins one there.
        for n in 1..stretches.len() {
            if let [Stretch::Command(_), Stretch::Words(words)] = &mut stretches[n - 1..=n]
                && let Some(rest) = words.trim_start().strip_prefix([',', ';', '.'])
            {
                *words = capital(rest.trim_start());
            }
        }
        Advice { stretches }
    }

    /// A command, behind some words.
    #[cfg(feature = "cli")]
    pub fn to_run(words: &str, command: &str) -> Advice {
        Advice { stretches: vec![Stretch::Words(words.to_owned()), Stretch::Command(command.to_owned())] }
    }

    /// Nothing has to be done.
    pub const fn none() -> Advice {
        Advice { stretches: Vec::new() }
    }

    /// Whether nothing has to be done.
    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }
}

impl Findings {
    /// Each kind is explained once.
    pub fn of(findings: &[Finding]) -> Findings {
        let mut kinds: Vec<am32::Id> = Vec::new();
        let mut all = Vec::new();
        for finding in findings {
            let explained = if kinds.contains(&finding.id) { Vec::new() } else { explained(finding.id) };
            kinds.push(finding.id);
            let file = finding.file.as_ref().map(ToString::to_string);
            let place = finding.place.as_ref().map(ToString::to_string);
            let address = finding.address.map(|at| format!("0x{at:08X}"));
            let (class, sign, word) = match finding.severity {
                Severity::Error => ("error", "\u{2717}", "Error"),
                Severity::Warning => ("warning", "!", "Warning"),
                Severity::Note => ("note", "i", "Note"),
            };
            all.push(Found {
                id: finding.id.to_string(),
                class,
                sign,
                word,
                title: finding.id.title(),
                place: [file, place, address].into_iter().flatten().collect::<Vec<_>>().join(", "),
                message: capital(&finding.message),
                advice: Advice::of(&finding.advice),
                explained,
            });
        }
        Findings { all }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// The explanation of a kind, block by block.
fn explained(id: am32::Id) -> Vec<Block> {
    let Some(explanation) = am32::explain(&id.to_string()) else { return Vec::new() };
    let mut blocks = Vec::new();
    for block in explanation.text.split("\n\n") {
        let block = block.trim_matches('\n');
        let (heading, rest) = match block.strip_prefix("## ") {
            Some(rest) => rest.split_once('\n').unwrap_or((rest, "")),
            None => ("", block),
        };
        if !heading.is_empty() {
            blocks.push(Block::Heading(heading.to_owned()));
        }
        let lines: Vec<&str> = rest.lines().collect();
        let kept: Option<Vec<&str>> = lines.iter().map(|line| line.strip_prefix("    ")).collect();
        match kept {
            _ if rest.is_empty() => {}
            Some(kept) => blocks.push(Block::Lines(kept.join("\n"))),
            None => blocks.push(Block::Text(lines.join(" "))),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::Given;
    use crate::esc::{Options, PowerUp, check};
    use crate::image::Image;

    #[test]
    fn what_follows_a_command_begins_a_sentence() {
        let files = ["F051_BOOTLOADER_PB4_V14.bin", "DRYFLASH_F051_2.20.hex", "EEPROM_BLANK_1K.bin"];
        let load = |name: &&str| Image::load(format!("firmware/built/STANDIN_{name}").as_ref(), None).unwrap();
        let given = files.iter().map(|name| Given { image: load(name), role: None }).collect();
        let options = Options { power_ups: vec![PowerUp::decisive()], ..Options::default() };
        let (verdict, _) = check(given, &options, None).unwrap();
        let html = Advice::of(&verdict.findings[0].advice).render().unwrap();
        assert!(html.contains("<span>Put written settings there: </span>"), "{html}");
        assert!(html.contains("</code><span>Then </span>"), "{html}");
    }
}
