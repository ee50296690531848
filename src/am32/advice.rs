//! What to do about a finding: sentences, and within them commands as data.

use super::command::Command;
use serde::{Serialize, Serializer, ser::SerializeMap};
use std::fmt;
use std::ops::Add;

/// What to do: sentences with commands in them. Printed, a command stands between backticks.
///
/// It is put together by `+`: `Advice::from("add it: ") + command + "; or leave it"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    spans: Vec<Span>,
}

/// A stretch of an advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Words.
    Text(String),
    /// A command that does it.
    Command(Command),
    /// A command of another program, within a sentence: printed without backticks.
    Aside(Command),
}

impl Advice {
    /// Its stretches, in their order.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The commands that it names, in their order.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.spans.iter().filter_map(|span| match span {
            Span::Text(_) => None,
            Span::Command(command) | Span::Aside(command) => Some(command),
        })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

impl From<Span> for Advice {
    fn from(span: Span) -> Advice {
        Advice { spans: vec![span] }
    }
}

impl From<Command> for Advice {
    fn from(command: Command) -> Advice {
        Span::Command(command).into()
    }
}

impl From<String> for Advice {
    fn from(text: String) -> Advice {
        if text.is_empty() { Advice::default() } else { Span::Text(text).into() }
    }
}

impl From<&str> for Advice {
    fn from(text: &str) -> Advice {
        text.to_owned().into()
    }
}

impl<T: Into<Advice>> Add<T> for Advice {
    type Output = Advice;

    fn add(mut self, more: T) -> Advice {
        self.spans.extend(more.into().spans);
        self
    }
}

/// As it is printed.
impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spans.iter().try_for_each(|span| match span {
            Span::Text(text) => f.write_str(text),
            Span::Command(command) => write!(f, "`{command}`"),
            Span::Aside(command) => write!(f, "{command}"),
        })
    }
}

impl PartialEq<str> for Advice {
    fn eq(&self, text: &str) -> bool {
        self.to_string().as_str() == text
    }
}

impl PartialEq<&str> for Advice {
    fn eq(&self, text: &&str) -> bool {
        self == *text
    }
}

/// Two fields of the finding: `advice`, as it is printed, and, where it names any, `commands`, a list of words each.
impl Serialize for Advice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let commands: Vec<Vec<String>> = self.commands().map(Command::arguments).collect();
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("advice", &self.to_string())?;
        if !commands.is_empty() {
            fields.serialize_entry("commands", &commands)?;
        }
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stay_data() {
        let command = Command::dryflash(["parts"]);
        let aside = Span::Aside(Command::dryflash(["explain"]));
        let advice = Advice::from("look at ") + command.clone() + "" + " (or " + aside + ")";
        assert_eq!(advice, "look at `dryflash parts` (or dryflash explain)");
        assert_eq!(advice.commands().next(), Some(&command));
        assert_eq!(advice.spans().len(), 5, "nothing is no stretch");
        let json = serde_json::to_value(&advice).unwrap();
        assert_eq!(json["commands"], serde_json::json!([["dryflash", "parts"], ["dryflash", "explain"]]));
        assert!(serde_json::to_value(Advice::from("nothing")).unwrap().get("commands").is_none());
        assert!(Advice::from("").is_empty());
    }
}
