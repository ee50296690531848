//! What a verdict comes to, in a sentence, and the one reason for it: the first line of every report.

use super::evidence::{BootRun, Ending};
use super::reason::Reason;
use super::verdict::{self, Verdict};
use super::words::Hopes;
use crate::am32::{self, Finding, Id, Role, Severity};
use crate::shell;
use crate::time::Time;
use crate::wire::Level;
use std::fmt;

/// What a check comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it is as hoped.
    pub good: bool,
    /// What would happen, with its full stop: `This ESC would start.`
    pub claim: String,
    /// Why, in one sentence; none where the claim says it.
    pub reason: Option<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.claim)?;
        self.reason.iter().try_for_each(|reason| write!(f, " {reason}"))
    }
}

impl Verdict {
    /// What it comes to, and why.
    pub fn answer(&self) -> Answer {
        let good = self.starts();
        let error = self.errors().find(|f| !self.is_refused() || REFUSALS.contains(&f.id));
        let reason = match error {
            Some(error) if !self.is_undecided() => titled(error),
            _ => self.decisive().map(|run| ended(run, self)),
        };
        let claim = self.claim();
        // A claim of these says more than what the power-up showed, or than a title.
        let says_it = good && (self.update.is_some() || self.began_with_the_app()) || self.cannot_say();
        Answer { good, claim, reason: reason.filter(|_| !says_it) }
    }

    fn claim(&self) -> String {
        let words = match (self.starts(), self.app_runs) {
            (true, _) if self.update.is_some() => {
                "The update would work: this ESC would start with its new bootloader."
            }
            (false, false) if self.is_refused() => "These files cannot be flashed.",
            (false, false) if self.update.is_some() => "This update would not work.",
            (true, _) if self.began_with_the_app() => {
                let skipped = self.pieces.iter().find(|p| matches!(p.role, Role::Bootloader | Role::Full));
                return match skipped {
                    None => "The app would run, once something starts it: no bootloader was asked for.".to_owned(),
                    Some(piece) => format!(
                        "The app would run, once something starts it: the bootloader of {} is there, and was not run. \
                         Without --from-app it decides.",
                        shell::plain(piece.image.base_name())
                    ),
                };
            }
            (true, _) => "This ESC would start.",
            (false, true) => "The app would run, but something is wrong.",
            (false, false) if self.cannot_say() => {
                "dryflash cannot say whether this ESC would start: it has no model of its MCU."
            }
            (false, false) if self.is_undecided() && self.began_with_the_app() => {
                "It is undecided whether the app would run."
            }
            (false, false) if self.is_undecided() => "It is undecided whether this ESC would start.",
            (false, false) => "This ESC would not start.",
        };
        words.to_owned()
    }

    /// The power-up that the verdict hangs on.
    pub fn decisive(&self) -> Option<&BootRun> {
        let tried: Vec<_> = self.runs.iter().map(|r| r.power_up.clone()).collect();
        self.runs.get(verdict::decisive(&tried))
    }

    /// Whether the app was started as a bootloader would: only then is its jump the first that happens.
    fn began_with_the_app(&self) -> bool {
        self.runs.iter().filter_map(|r| r.jump).any(|j| j.time_us == Time::ZERO)
    }

    /// What this power-up was to come to.
    pub fn hopes(&self, run: &BootRun) -> Hopes {
        Hopes { stays: self.app_runs && run.power_up.last_level() == Some(Level::High), updates: self.update.is_some() }
    }

    /// Whether all that is wrong is that the MCU is not modelled. Files for different MCUs are wrong on any: that finding
    /// names one of them.
    pub fn cannot_say(&self) -> bool {
        self.part.is_none() && self.errors().all(|f| f.id == Id::FOREIGN_MCU && f.file.is_none())
    }

    fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|f| f.severity == Severity::Error)
    }

    /// Whether the flash did not take the files, so that nothing was powered: what the ESC held may start all the same.
    pub fn is_refused(&self) -> bool {
        self.runs.is_empty() && self.errors().any(|f| REFUSALS.contains(&f.id))
    }

    /// Whether all that is wrong is that the time was over before anything was decided.
    pub fn is_undecided(&self) -> bool {
        let run = self.decisive().filter(|_| self.update.is_none());
        let over = run.is_some_and(|run| {
            matches!(run.ending, Ending::AppUndecided { .. }) || run.reason == Some(Reason::Undecided)
        });
        over && self.errors().all(|f| matches!(f.id, Id::RUN_NO_JUMP | Id::RUN_APP_SILENT))
    }
}

/// What keeps files out of the flash.
const REFUSALS: [Id; 2] = [Id::RUN_FLASH_LOCKED, Id::RUN_PROGRAMMING];

/// What an error is, in its title's words.
fn titled(error: &Finding) -> Option<String> {
    am32::explain(&error.id.to_string()).map(|e| format!("{} ({}).", e.title, error.id))
}

/// How the power-up that decides ended.
fn ended(run: &BootRun, verdict: &Verdict) -> String {
    match (&run.jump, verdict.app_runs) {
        (Some(jump), true) => format!("The bootloader jumps after {}, and the app runs.", jump.time_us),
        _ => {
            let told = run.told(verdict.hopes(run));
            format!("With the {}: {}{}.", run.power_up, told.head, told.rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::am32::Given;
    use crate::esc::{Options, PowerUp, check};
    use crate::image::Image;
    use crate::time::Time;

    fn answer(files: &[&str], options: Options) -> String {
        let load = |name: &&str| Image::load(format!("firmware/built/STANDIN_{name}").as_ref(), None).unwrap();
        let given = files.iter().map(|name| Given { image: load(name), role: None }).collect();
        let options = Options { power_ups: vec![PowerUp::decisive()], ..options };
        check(given, &options, None).unwrap().0.answer().to_string()
    }

    #[test]
    fn a_claim_and_its_one_reason() {
        const BOOTLOADER: &str = "F051_BOOTLOADER_PB4_V14.bin";
        const APP: &str = "DRYFLASH_F051_2.20.hex";
        let usual = Options::default;
        assert_eq!(
            answer(&[BOOTLOADER, APP, "EEPROM_V2_1K.bin"], usual()),
            "This ESC would start. The bootloader jumps after 6.16 ms, and the app runs."
        );
        assert_eq!(
            answer(&[BOOTLOADER, APP, "EEPROM_BLANK_1K.bin"], usual()),
            "This ESC would not start. The EEPROM page is blank (DF013)."
        );
        assert_eq!(answer(&[BOOTLOADER, "EEPROM_V2_1K.bin"], usual()), "This ESC would not start. No app (DF017).");
        assert_eq!(
            answer(&[APP], Options { from_app: true, ..usual() }),
            "The app would run, once something starts it: no bootloader was asked for."
        );
    }

    #[test]
    fn what_took_too_long_is_undecided() {
        let files = ["F051_BOOTLOADER_PB4_V14.bin", "DRYFLASH_F051_2.20.hex", "EEPROM_V2_1K.bin"];
        let short = || Options { limit: Time::from_millis(3), ..Options::default() };
        let undecided = "It is undecided whether this ESC would start. With the signal low: stays in the bootloader";
        let said = answer(&files, short());
        assert!(said.starts_with(undecided), "{said}");
        let blank = answer(&[files[0], files[1], "EEPROM_BLANK_1K.bin"], short());
        assert!(blank.starts_with("This ESC would not start."), "{blank}");
    }
}
