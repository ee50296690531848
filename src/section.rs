//! Text in sections: each has a name, so that one can be shown without the others, and nothing is looked for in a text.

/// Some lines of a report or a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it is called, whether or not a heading says so.
    pub name: &'static str,
    /// Its lines, the heading among them, each with its end.
    pub text: String,
}

/// The sections in their order, a blank line between two; empty ones are left out.
pub fn join<'s>(sections: impl IntoIterator<Item = &'s Section>) -> String {
    let texts: Vec<&str> = sections.into_iter().map(|s| s.text.as_str()).filter(|text| !text.is_empty()).collect();
    texts.join("\n")
}
