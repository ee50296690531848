//! The option bytes, field by field, with what a value comes to.

use crate::esc::Verdict;
use crate::flash::OptionField;
use askama::Template;

/// The option bytes of a chip.
#[derive(Template)]
#[template(path = "options.html", config = "src/report/html/askama.toml")]
pub struct Options {
    fields: Vec<Field>,
}

struct Field {
    name: &'static str,
    /// In force.
    value: String,
    /// What that comes to; empty where the value says it.
    meaning: &'static str,
    /// Stored, and in force from the next load on, where that is another value.
    next: String,
}

impl Options {
    /// As the power came on.
    pub fn of(verdict: &Verdict) -> Options {
        Options { fields: verdict.held.iter().flat_map(|held| &held.options).map(Field::of).collect() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl Field {
    fn of(field: &OptionField) -> Field {
        let differs = field.loaded != field.stored;
        Field {
            name: field.name,
            value: field.loaded.clone(),
            meaning: meaning(field.name, &field.loaded),
            next: if differs { format!("{} from the next load on", field.stored) } else { String::new() },
        }
    }
}

/// What a value comes to (RM0091 chapter 4, RM0444 3.4).
fn meaning(name: &str, value: &str) -> &'static str {
    match (name, value) {
        ("RDP", "level 0") => "flash is open to a probe",
        ("RDP", "level 1") => "a probe can erase flash as a whole, and no more",
        ("RDP", "level 2") => "no probe can connect any more",
        ("WDG_SW" | "IWDG_SW", "1") => "the watchdog starts when code starts it",
        ("WDG_SW" | "IWDG_SW", "0") => "the watchdog starts with the power",
        ("WWDG_SW", "1") => "the window watchdog starts when code starts it",
        ("WWDG_SW", "0") => "the window watchdog starts with the power",
        ("IWDG_STOP" | "IWDG_STDBY", "1") => "the watchdog runs on meanwhile",
        ("IWDG_STOP" | "IWDG_STDBY", "0") => "the watchdog stands still meanwhile",
        ("nRST_STOP" | "nRST_STDBY" | "nRST_SHDW", "1") => "the mode may be entered",
        ("nRST_STOP" | "nRST_STDBY" | "nRST_SHDW", "0") => "entering the mode is a reset",
        ("RAM_PARITY_CHECK", "1") | ("VDDA_MONITOR" | "BOR_EN", "0") => "off",
        ("RAM_PARITY_CHECK", "0") | ("VDDA_MONITOR" | "BOR_EN", "1") => "on",
        ("nBOOT_SEL", "1") => "nBOOT0 decides, not the pin BOOT0",
        ("nBOOT_SEL", "0") => "the pin BOOT0 decides, not nBOOT0",
        ("NRST_MODE", "1") => "the pin takes resets",
        ("NRST_MODE", "2") => "the pin is no reset pin",
        ("NRST_MODE", "3") => "the pin takes and gives resets",
        ("WRP", "0xFFFFFFFF") => "no page is write-protected",
        ("WRP", _) => "each 0 write-protects pages",
        ("OPTERR", "0") => "every byte fits its complement",
        ("OPTERR", "1") => "a byte does not fit its complement",
        ("BOOT_LOCK", "1") => "always starts from main flash",
        ("DATA0" | "DATA1", _) => "free for use",
        _ => "",
    }
}
