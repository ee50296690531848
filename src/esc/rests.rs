//! What an outcome rests on that silicon is not known to do, and what a session has left standing in the chip.

use crate::am32::{Advice, Command, Finding, Id};
use crate::chip::{Chip, RestsOn};
use crate::flash::MassEraseLeft;

/// What to know of a chip after a session: choices of the model that something rested on, and a mass erase bit that
/// still stands.
pub fn notes(chip: &Chip) -> Vec<String> {
    let mut notes: Vec<String> = chip.board.log.choices.iter().map(|c| told(c, chip)).collect();
    if chip.is_powered()
        && let Some(MassEraseLeft { bit, until_reset }) = chip.board.flash.mass_erase_left()
    {
        notes.push(format!(
            "the mass erase bit ({bit}) still stands in FLASH_CR: until a reset or a power-on {until_reset}"
        ));
    }
    notes
}

fn told(choice: &RestsOn, chip: &Chip) -> String {
    let name = crate::chip::register_name(chip.part(), choice.address);
    format!("rests on choice {}: {} ({name}); silicon is not known to do the same", choice.rule, choice.text)
}

/// The finding that a verdict rests on these choices; none where it rests on none.
pub fn finding<'a>(choices: impl Iterator<Item = &'a RestsOn>) -> Option<Finding> {
    let mut all: Vec<&RestsOn> = choices.collect();
    all.sort();
    all.dedup_by_key(|c| c.rule);
    let first = all.first()?;
    let told: Vec<String> =
        all.iter().map(|c| format!("{} (0x{:08X}, PC 0x{:08X}): {}", c.rule, c.address, c.pc, c.text)).collect();
    let other = if all.iter().any(|c| c.rule == "F45") {
        "; --f0-store-without-pg ignored shows the other outcome of F45"
    } else {
        ""
    };
    let message =
        format!("the outcome rests on what the model chooses where silicon is not known: {}", told.join("; "));
    let list = Command::dryflash(["parts", "--unknowns"]);
    let advice = Advice::from(list) + " says why each was chosen" + other;
    Some(Finding::new(Id::RUN_RESTS_ON_CHOICE, message, advice).at(first.address))
}
