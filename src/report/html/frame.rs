//! What every page has: its title, its answer, the way around in it.

use super::findings::Advice;
use askama::Template;

/// The digest of `templates/script.js` as it stands in the page: the one script that the page's policy lets run.
pub const SCRIPT: &str = "sha256-5pYqTDvRqZAJme9ruM4B0C2WUZsLMGrtA+e7fSOWRyQ=";

/// A page around a body.
#[derive(Template)]
#[template(path = "page.html", config = "src/report/html/askama.toml")]
pub struct Page<B: Template> {
    /// The page's title: the answer.
    title: String,
    /// What was done: `dryflash check`.
    verb: &'static str,
    /// To what, on which part.
    about: String,
    answer: Answer,
    /// What there is to go to.
    sections: Vec<Place>,
    body: B,
    script: &'static str,
    version: &'static str,
}

/// A section that one can go to.
pub struct Place {
    /// Its id.
    pub id: &'static str,
    /// Its heading.
    pub name: &'static str,
}

/// The answer that a page begins with.
#[derive(Template)]
#[template(path = "answer.html", config = "src/report/html/askama.toml")]
pub struct Answer {
    /// Whether it is as hoped.
    pub good: bool,
    /// In a sentence.
    pub sentence: String,
    /// The one reason.
    pub reason: String,
    /// What was seen.
    pub evidence: String,
    /// What to do.
    pub advice: Advice,
    /// What to know besides, such as that there are warnings.
    pub besides: String,
}

/// Whether something is as hoped: told by a word and a sign, and only then by a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mood {
    /// For the style.
    pub class: &'static str,
    /// For the eye.
    pub sign: &'static str,
    /// For everybody.
    pub word: &'static str,
}

impl Mood {
    /// As hoped, in this word.
    pub const fn good(word: &'static str) -> Mood {
        Mood { class: "good", sign: "\u{2713}", word }
    }

    /// Not so, in this word.
    pub const fn bad(word: &'static str) -> Mood {
        Mood { class: "bad", sign: "\u{2717}", word }
    }

    /// Neither, in this word.
    #[cfg(feature = "cli")]
    pub const fn plain(word: &'static str) -> Mood {
        Mood { class: "plain", sign: "\u{2013}", word }
    }
}

impl Answer {
    /// An answer that says all by itself.
    #[cfg(feature = "cli")]
    pub fn new(good: bool, sentence: String) -> Answer {
        let (reason, evidence, besides) = (String::new(), String::new(), String::new());
        Answer { good, sentence, reason, evidence, advice: Advice::none(), besides }
    }

    const fn mood(&self) -> Mood {
        if self.good { Mood::good("") } else { Mood::bad("") }
    }
}

impl<B: Template> Page<B> {
    /// A page whose title is its answer.
    pub fn new(verb: &'static str, about: String, answer: Answer, sections: Vec<Place>, body: B) -> Page<B> {
        let title = format!("{} - {verb}", answer.sentence.trim_end_matches('.'));
        Page { title, verb, about, answer, sections, body, script: SCRIPT, version: env!("CARGO_PKG_VERSION") }
    }
}

/// A text as the beginning of a sentence.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
