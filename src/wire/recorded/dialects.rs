//! Headers of VCD files as they are met: what IEEE 1364-2005 does not have in them, but simulators and converters write.

use std::borrow::Cow;
use std::io::BufRead;

/// What a scope may be called, and a line.
const SCOPES: [&[u8]; 5] = [b"module", b"task", b"function", b"begin", b"fork"];
const LINES: [&[u8]; 18] = [
    b"event",
    b"integer",
    b"parameter",
    b"real",
    b"reg",
    b"supply0",
    b"supply1",
    b"time",
    b"tri",
    b"triand",
    b"trior",
    b"trireg",
    b"tri0",
    b"tri1",
    b"wand",
    b"wire",
    b"wor",
    b"string",
];
/// Commands of a header.
const COMMANDS: [&[u8]; 7] = [b"$comment", b"$date", b"$version", b"$timescale", b"$scope", b"$upscope", b"$var"];
/// Where it ends.
const END: &[u8] = b"$enddefinitions";

/// The header of a file in the standard's words, with its lines where they were, and what follows it. Scopes of other
/// kinds are modules (`interface`, `struct`), lines of other kinds wires (`logic`, `bit`), and unknown commands are
/// comments; names of several words have `_` between them.
pub(super) fn header(bytes: &[u8]) -> (impl BufRead, &[u8]) {
    let mut header: Vec<u8> = Vec::new();
    let mut words = Words { bytes, at: 0 };
    let mut command: &[u8] = b"";
    // How many words of the command have come.
    let mut come = 0;
    // A mark at the begin of a file is none of its words.
    words.at = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    while let Some((space, word)) = words.next() {
        if command.is_empty() && word == END {
            words.at -= word.len();
            header.extend(space);
            break;
        }
        come += 1;
        // A name of several words.
        let goes_on = matches!((command, come), (b"$scope", 3..) | (b"$var", 5..));
        header.extend(if goes_on && word != b"$end" && !word.starts_with(b"[") { b"_" } else { space });
        let known: &[u8] = match (command, come) {
            // sigrok-cli begins with `META samplerate: 1000000` where it writes to standard output.
            (b"", _) if !word.starts_with(b"$") => b"",
            (b"", _) if word.starts_with(b"$") && !COMMANDS.contains(&word) => b"$comment",
            (b"$scope", 1) if !SCOPES.contains(&word) => b"module",
            (b"$var", 1) if word == b"realtime" || word == b"shortreal" => b"real",
            (b"$var", 1) if !LINES.contains(&word) => b"wire",
            _ => word,
        };
        header.extend_from_slice(&unicode(known));
        // A text may go on to the very `$`.
        let is_text = [&b"$comment"[..], b"$date", b"$version"].contains(&command);
        if word == b"$end" || is_text && word.ends_with(b"$end") {
            command = b"";
        } else if command.is_empty() {
            (command, come) = (known, 0);
        }
    }
    (std::io::Cursor::new(header), &bytes[words.at..])
}

/// The same where it is UTF-8, as all of ASCII is; else each byte is a character, as ISO 8859-1 has it.
pub(super) fn unicode(bytes: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(bytes) {
        Ok(_) => Cow::Borrowed(bytes),
        Err(_) => Cow::Owned(bytes.iter().map(|b| char::from(*b)).collect::<String>().into_bytes()),
    }
}

/// Words, and the white space before each.
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let rest = &self.bytes[self.at..];
        let begin = rest.iter().position(|b| !b.is_ascii_whitespace())?;
        let length = rest[begin..].iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len() - begin);
        self.at += begin + length;
        Some((&rest[..begin], &rest[begin..begin + length]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn standard(text: &str) -> (String, String) {
        let (mut header, rest) = header(text.as_bytes());
        let mut read = String::new();
        header.read_to_string(&mut read).unwrap();
        (read, String::from_utf8(rest.to_vec()).unwrap())
    }

    #[test]
    fn words_of_others_are_the_standards() {
        let (header, rest) = standard(
            "$date $var $end\n$attrbegin misc 07 \\x 1 $end $scope interface bus $end\n $var logic 1 ! a b c [3] $end\n\
             $var realtime 64 r t $end $var wire 1 wire logic [3] $end $upscope $end\n$enddefinitions $end #0 1!",
        );
        assert_eq!(
            header,
            "$date $var $end\n$comment misc 07 \\x 1 $end $scope module bus $end\n $var wire 1 ! a_b_c [3] $end\n\
             $var real 64 r t $end $var wire 1 wire logic [3] $end $upscope $end\n"
        );
        assert_eq!(rest, "$enddefinitions $end #0 1!");
    }

    #[test]
    fn a_header_without_an_end_is_all_of_the_file() {
        assert_eq!(standard("\u{feff}$scope"), ("$scope".to_owned(), String::new()));
        assert_eq!(standard("META samplerate: 8\n$scope").0, "  \n$scope");
        assert_eq!(standard("  \n"), (String::new(), "  \n".to_owned()));
        assert_eq!(standard("$end $end $enddefinitions").1, "$enddefinitions");
        assert_eq!(standard("$date now$end $enddefinitions").1, "$enddefinitions");
    }
}
