//! The signals that an ESC meets at power-up, by name.

/// A signal of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// As it is written.
    pub text: &'static str,
    /// Who sends it, or what it stands for.
    pub about: &'static str,
    /// Flight controllers are known to send it at power-up.
    pub usual: bool,
}

const fn entry(name: &'static str, text: &'static str, about: &'static str, usual: bool) -> Entry {
    Entry { name, text, about, usual }
}

/// All of them, in the order in which they are told.
pub const ENTRIES: &[Entry] = &[
    entry("held-low", "low", "a flight controller that drives its pin low", true),
    entry("held-high", "high", "a configurator, or a pin that is driven high", false),
    entry("nothing", "floating", "nothing connected, or a pin that is not set up", true),
    entry("pulled-down", "pulldown 40k", "a pin with its pull-down", true),
    entry(
        "pulled-up",
        "pullup 40k",
        "a pin with its pull-up: passthrough, bidirectional DShot before the first frame",
        true,
    ),
];

/// The entry of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|e| e.name == name)
}
