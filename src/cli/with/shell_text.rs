//! What a shell's text can be seen to start. A look, not a shell: quotes and expansions are not followed.

/// The commands of a text with their lines from 1: each with its words, up to a separator or a newline.
pub fn commands(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut continued = false;
    for (number, line) in (1..).zip(text.lines()) {
        // What goes on from the line before is no command.
        let skipped = usize::from(std::mem::replace(&mut continued, line.ends_with('\\')));
        let line = line.trim_start();
        if line.starts_with('#') {
            continue;
        }
        for piece in line.split([';', '|', '&', '(', ')', '{', '}', '`']).skip(skipped) {
            let unquoted = |w: &str| w.trim_matches(['"', '\'', '@', '-']).to_owned();
            let mut words = piece.split_whitespace().peekable();
            while words.next_if(|w| BEFORE.contains(w) || is_assignment(w) && !w.starts_with("LD_PRELOAD=")).is_some() {
            }
            // Of the first word make's `@` and `-` are no part; options keep theirs.
            let mut command: Vec<String> = words.next().map(unquoted).into_iter().collect();
            command.extend(words.map(|w| w.trim_matches(['"', '\'']).to_owned()));
            if command.first().is_some_and(|w| !w.is_empty()) {
                found.push((number, command));
            }
        }
    }
    found
}

/// Words after which a command comes.
const BEFORE: [&str; 11] = ["if", "then", "else", "elif", "do", "while", "until", "time", "!", "exec", "command"];

/// Whether a word is `NAME=value`.
pub fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(char::is_numeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stand_at_the_start_and_after_separators() {
        let first = |text: &str| -> Vec<(usize, String)> {
            commands(text).into_iter().map(|(line, words)| (line, words[0].clone())).collect()
        };
        assert_eq!(
            first("set -e\n# sudo x\nif A=1 sudo st-flash; then echo sudo && doas x; fi"),
            [
                (1, "set".to_owned()),
                (3, "sudo".to_owned()),
                (3, "echo".to_owned()),
                (3, "doas".to_owned()),
                (3, "fi".to_owned()),
            ]
        );
        assert_eq!(
            first("\t@sudo st-flash\nLD_PRELOAD= st-flash x"),
            [(1, "sudo".to_owned()), (2, "LD_PRELOAD=".to_owned())]
        );
        assert_eq!(first("echo a \\\n  sudo b\nc"), [(1, "echo".to_owned()), (3, "c".to_owned())]);
    }
}
