//! Lines that fit: wrapping at blanks, whatever the terminal's columns.

use std::fmt::Write;

/// Columns where nothing is known of a terminal, and at most.
pub const WIDEST: usize = 100;
/// Columns at least: narrower terminals break lines themselves.
pub const NARROWEST: usize = 40;

/// Writes `text` in lines of at most `width` columns, the first behind `first`, the others behind `rest`. Escape
/// sequences do not count. A word that fits on no line is broken.
pub fn wrap(text: &str, first: &str, rest: &str, width: usize, out: &mut String) {
    let mut line = Line { text: first.to_owned(), used: visible(first), empty: true, rest, width };
    for word in text.split(' ') {
        let mut word = word;
        let mut length = visible(word);
        if !line.empty && line.used + 1 + length > width {
            line.turn(out);
        }
        if !line.empty {
            line.push(" ", 1);
        }
        // A word longer than a line; one with colours in it is short.
        while line.used + length > width && length > 1 && !word.contains('\x1b') {
            let room = width.saturating_sub(line.used).max(1);
            let at = word.char_indices().nth(room).map_or(word.len(), |(at, _)| at);
            let (head, tail) = word.split_at(at);
            line.push(head, room);
            (word, length) = (tail, visible(tail));
            if word.is_empty() {
                break;
            }
            line.turn(out);
        }
        line.push(word, length);
    }
    let _ = writeln!(out, "{}", line.text);
}

struct Line<'a> {
    text: String,
    used: usize,
    empty: bool,
    rest: &'a str,
    width: usize,
}

impl Line<'_> {
    fn push(&mut self, text: &str, columns: usize) {
        self.text.push_str(text);
        self.used += columns;
        self.empty = false;
    }

    fn turn(&mut self, out: &mut String) {
        let _ = writeln!(out, "{}", self.text.trim_end());
        // Where indentation would leave no room for a word, there is less of it.
        let indent = visible(self.rest).min(self.width / 2);
        self.text = self.rest.chars().take(indent).collect();
        self.used = indent;
        self.empty = true;
    }
}

/// `text` with its lines of more than `width` columns wrapped, two blanks deeper than they begin.
pub fn fit(text: &str, width: usize) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if visible(line) <= width {
            let _ = writeln!(out, "{line}");
            continue;
        }
        let deep = line.len() - line.trim_start_matches(' ').len();
        let (indent, words) = line.split_at(deep.min(width / 2));
        wrap(words, indent, &format!("{indent}  "), width, &mut out);
    }
    out
}

/// The columns of a text: its characters without escape sequences.
pub fn visible(text: &str) -> usize {
    let mut escape = false;
    text.chars()
        .filter(|c| {
            let starts = *c == '\x1b';
            let hidden = escape || starts;
            escape = hidden && !(escape && c.is_ascii_alphabetic());
            !hidden
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_nothing_is_lost() {
        for width in [NARROWEST, 57, 80, WIDEST] {
            let text = format!("{} {} {}", "word ".repeat(40), "/a/path".repeat(30), "end");
            let mut out = String::new();
            wrap(&text, "  name  ", &" ".repeat(30), width, &mut out);
            assert!(out.lines().all(|l| l.chars().count() <= width), "{width}:\n{out}");
            let letters = |t: &str| t.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(letters(&out), letters(&format!("name{text}")));
            let fitted = fit(&format!("short\n    {text}"), width);
            assert!(fitted.starts_with("short\n    word") && fitted.contains("\n      word"), "{fitted}");
            assert!(fitted.lines().all(|l| l.chars().count() <= width), "{width}:\n{fitted}");
        }
    }

    #[test]
    fn what_fits_is_left_alone() {
        let text = "a  b   c\n\n    d\n";
        assert_eq!(fit(text, NARROWEST), text);
        let mut out = String::new();
        wrap(&"word ".repeat(30), "> ", "  ", WIDEST, &mut out);
        assert!(out.lines().count() == 2, "{out}");
        assert_eq!(visible("\x1b[1m\x1b[31merror\x1b[0m"), 5);
    }
}
