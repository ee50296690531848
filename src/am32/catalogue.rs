//! Every finding there is: id, title, usual severity, explanation.

use super::findings::{Id, Severity};

/// What can show a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// The files alone.
    Files,
    /// A run.
    Run,
}

/// What a finding means, at length.
#[derive(Debug, serde::Serialize)]
pub struct Explanation {
    /// Its id.
    pub id: Id,
    /// What it is, in a few words.
    pub title: &'static str,
    /// How bad it usually is.
    pub severity: Severity,
    /// What shows it.
    pub seen: Seen,
    /// The explanation, in Markdown, without the title.
    pub text: &'static str,
}

macro_rules! catalogue {
    ($($name:ident $number:literal $file:literal $severity:ident $seen:ident $title:literal;)*) => {
        impl Id {
            $(#[doc = $title] pub const $name: Id = Id($number);)*
        }

        static ALL: &[Explanation] = &[$(Explanation {
            id: Id::$name,
            title: $title,
            severity: Severity::$severity,
            seen: Seen::$seen,
            text: include_str!(concat!("explain/", $file, ".md")),
        }),*];
    };
}

catalogue! {
    WRONG_BASE 1 "DF001" Error Files "An address with a digit too few or too many";
    CLASH 2 "DF002" Error Files "Two files put different data on the same bytes";
    REPEATED 3 "DF003" Note Files "Two files hold the same bytes";
    ERASED 4 "DF004" Error Files "A later file erases a page of an earlier one";
    OUT_OF_RANGE 5 "DF005" Error Files "Bytes outside of the part's flash";
    APP_AT_BOOTLOADER 6 "DF006" Error Files "An app at the bootloader's place";
    MISPLACED 7 "DF007" Error Files "Code at an address that it is not linked for";
    BOOTLOADER_TOO_LONG 8 "DF008" Error Files "A bootloader longer than its area";
    UNCLEAR 9 "DF009" Error Files "A file whose role is not clear";
    CONTRADICTION 10 "DF010" Warning Files "A file that is not what it is called";
    BOOTLOADER_MISSING 11 "DF011" Error Files "No bootloader";
    EEPROM_MISSING 12 "DF012" Error Files "No EEPROM page";
    EEPROM_BLANK 13 "DF013" Error Files "The EEPROM page is blank";
    BOOT_BYTE_CUT_OFF 14 "DF014" Error Files "The boot byte is 00: an update was cut off";
    BOOT_BYTE_OTHER 15 "DF015" Error Files "The boot byte has no meaning";
    EEPROM_ELSEWHERE 16 "DF016" Error Files "The EEPROM page is at another part's address";
    APP_MISSING 17 "DF017" Error Files "No app";
    LAYOUTS_DISAGREE 18 "DF018" Error Files "The bootloader is for another flash size";
    TAG_MISMATCH 19 "DF019" Error Files "The name tag names another MCU";
    NAME_MISMATCH 20 "DF020" Warning Files "The file's name names another MCU";
    MARKS_MISMATCH 21 "DF021" Warning Files "The bytes look like those for another MCU";
    FOREIGN_MCU 22 "DF022" Error Files "A file for an MCU that is not modelled";
    OPTION_BYTES 23 "DF023" Warning Files "Option bytes inside a file";
    TAG_MISSING 24 "DF024" Warning Files "An app without a name tag";
    CAN_MISMATCH 25 "DF025" Error Files "CAN and non-CAN mixed";
    PIN_MISMATCH 26 "DF026" Warning Files "The bootloader is for another pin than its name says";
    WIPES_SETTINGS 27 "DF027" Warning Files "A bootloader that wipes settings";
    OLD_BOOTLOADER 28 "DF028" Note Files "A bootloader that does not check the app";
    G071_V7 29 "DF029" Warning Files "Firmware 2.19 on a G071 with a V7 bootloader";
    ODD_BYTES 30 "DF030" Note Files "An odd length or address";
    REMARK 31 "DF031" Note Files "Something in the file is unusual";
    UPDATER 32 "DF032" Warning Files "A bootloader updater in the app's place";
    EEPROM_REWRITTEN 33 "DF033" Note Files "The app will rewrite the settings";
    APP_IN_EEPROM 34 "DF034" Error Files "The app reaches into the EEPROM page";
    NO_VECTORS 35 "DF035" Warning Files "The app does not start with a vector table";
    BLANK_FILE 36 "DF036" Error Files "A file of nothing but FF or 00";
    HOLE 37 "DF037" Note Files "A hole inside the app's code";
    STACK_BEYOND 38 "DF038" Note Files "The stack starts above the part's SRAM";
    NAME_VERSION 40 "DF040" Warning Files "The file's name tells another version";
    NAME_TARGET 41 "DF041" Warning Files "The file's name tells another target";
    NAME_FLASH_SIZE 42 "DF042" Warning Files "The file's name tells another flash size";
    LINKED_FOR_BASE 43 "DF043" Error Files "An app that is linked for the start of flash";
    UPDATER_MISMATCH 44 "DF044" Error Files "An updater that carries another ESC's bootloader";
    OTHER_CORE 45 "DF045" Error Files "A build for another processor core";

    RUN_BOOT_BYTE_BLANK 50 "DF050" Error Run "The bootloader read a blank boot byte";
    RUN_BOOT_BYTE_CUT_OFF 51 "DF051" Error Run "The bootloader read boot byte 00";
    RUN_HEADER_SP 52 "DF052" Error Run "The bootloader refused the app's stack pointer";
    RUN_HEADER_PC 53 "DF053" Error Run "The bootloader refused the app's reset vector";
    RUN_SIGNAL_HIGH 54 "DF054" Error Run "The signal wire is high: the bootloader stays";
    RUN_NO_JUMP 55 "DF055" Error Run "The bootloader stays";
    RUN_BOOTLOADER_FAULT 56 "DF056" Error Run "The bootloader faulted";
    RUN_HUNG_AT_CLOCK 57 "DF057" Error Run "The code waits for a clock that never comes";
    RUN_APP_FAULT 58 "DF058" Error Run "The app faulted";
    RUN_LOCKUP 59 "DF059" Error Run "The core locked up";
    RUN_APP_RESET 60 "DF060" Error Run "The app resets itself";
    RUN_UNMODELLED 61 "DF061" Warning Run "A register that is not modelled was touched";
    RUN_FLASH_LOCKED 62 "DF062" Error Run "The flash is protected";
    RUN_SOFTWARE_RESET 63 "DF063" Note Run "The boot followed a software reset";
    RUN_SYSTEM_MEMORY 64 "DF064" Error Run "The chip stays in system memory";
    RUN_INTERRUPTS 65 "DF065" Warning Run "The bootloader jumped with interrupts on";
    RUN_SLOW 66 "DF066" Warning Run "The jump came at an unusual time";
    RUN_SETTINGS_WIPED 67 "DF067" Warning Run "The bootloader rewrote the settings";
    RUN_WATCHDOG 68 "DF068" Error Run "The watchdog reset the chip";
    RUN_PROGRAMMING 69 "DF069" Error Run "The flash did not take what was written";
    RUN_APP_SILENT 70 "DF070" Error Run "The app does not reach its main loop";
    RUN_RESTS_ON_CHOICE 79 "DF079" Note Run "The outcome rests on a choice of the model";
    RUN_SIGNAL_PIN 80 "DF080" Error Run "Bootloader and app use different signal pins";
    RUN_TWO_PAGES 81 "DF081" Warning Run "Bootloader and app use different settings pages";
    RUN_UPDATE_FAILS 82 "DF082" Error Run "The updater leaves a bootloader that does not fit";
    RUN_NEXT_START 83 "DF083" Error Run "The ESC starts once only";
    RUN_BAD_VECTOR 84 "DF084" Error Run "An enabled interrupt's vector leads nowhere";
    RUN_NO_INTERRUPTS 85 "DF085" Error Run "The app's main loop gets no interrupts";
    RUN_SIGNAL_PORT_OFF 86 "DF086" Error Run "The app's signal pin is on a port without a clock";
    RUN_SIGNAL_WAITS 87 "DF087" Error Run "A signal keeps the bootloader waiting";
    RUN_SIGNAL_CHANCE 88 "DF088" Warning Run "Whether it starts depends on chance";

    SETTINGS_NAME 90 "DF090" Error Files "A name was written over settings";
    SETTINGS_SPOILT 91 "DF091" Error Files "Settings that were never written";
    SETTINGS_RAMP 92 "DF092" Error Files "A throttle that never ramps up";
    SETTINGS_POLES 93 "DF093" Warning Files "A number of magnets that no motor has";
    SETTINGS_CUT_OFF 94 "DF094" Error Files "A low-voltage cut-off above any battery";
    SETTINGS_OVERRIDDEN 95 "DF095" Note Files "A setting that another one overrides";
    SETTINGS_RANGE 96 "DF096" Note Files "Settings out of their range";
    SETTINGS_AUTO_ADVANCE 97 "DF097" Note Files "A character that switches auto advance on";
    SETTINGS_CAN 98 "DF098" Note Files "Text in the settings for CAN";
    SETTINGS_LAYOUT 99 "DF099" Note Files "A layout that is newer than any known";
    RUN_NO_SETTINGS 100 "DF100" Warning Run "An app was started without settings";
}

impl Id {
    /// Its title.
    pub fn title(self) -> &'static str {
        self.explanation().map_or("", |e| e.title)
    }

    /// Its usual severity.
    pub fn severity(self) -> Severity {
        self.explanation().map_or(Severity::Error, |e| e.severity)
    }

    /// Whether it is about what a page of settings holds.
    pub const fn is_of_settings(self) -> bool {
        Id::SETTINGS_NAME.0 <= self.0 && self.0 <= Id::SETTINGS_LAYOUT.0
    }

    fn explanation(self) -> Option<&'static Explanation> {
        ALL.iter().find(|e| e.id == self)
    }
}

/// The explanation of the finding called `id`: `DF012`, `df012`, `df12` or `12`.
pub fn explain(id: &str) -> Option<&'static Explanation> {
    let id = id.trim();
    let digits = match id.get(..2) {
        Some(prefix) if prefix.eq_ignore_ascii_case("df") => id.get(2..)?,
        _ => id,
    };
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number: u16 = plain.then(|| digits.parse().ok())??;
    Id(number).explanation()
}

/// All findings there are, by id.
pub fn all() -> &'static [Explanation] {
    ALL
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_id_is_explained() {
        for e in all() {
            let lines = e.text.lines().count();
            assert!((8..=30).contains(&lines), "{}: {lines} lines", e.id);
            assert!(!e.title.ends_with('.') && e.title.len() < 60, "{}", e.id);
            for part in ["## What an ESC would do", "## What to do"] {
                assert!(e.text.contains(part), "{} lacks '{part}'", e.id);
            }
            assert!(e.text.is_ascii() && e.text.lines().all(|l| l.len() <= 120), "{}", e.id);
        }
    }

    #[test]
    fn ids_and_titles_are_unique_and_in_order() {
        assert!(all().windows(2).all(|w| w[0].id < w[1].id));
        assert_eq!(all().iter().map(|e| e.title).collect::<HashSet<_>>().len(), all().len());
    }

    #[test]
    fn the_explanation_is_that_of_its_file() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/am32/explain");
        for e in all() {
            assert_eq!(std::fs::read_to_string(dir.join(format!("{}.md", e.id))).unwrap(), e.text, "{}", e.id);
        }
        assert_eq!(std::fs::read_dir(dir).unwrap().count(), all().len(), "a file that no id uses");
    }

    #[test]
    fn names_of_ids() {
        for id in ["DF012", "df012", "df12", " 12 "] {
            assert_eq!(explain(id).unwrap().id, Id::EEPROM_MISSING);
        }
        for id in ["", "DF", "DF999", "XX012", "DF-12", "+12", "99999999", "\u{e9}\u{e9}"] {
            assert!(explain(id).is_none(), "{id}");
        }
    }
}
