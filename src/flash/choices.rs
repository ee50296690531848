//! The choices: rules where the manual is silent, sources differ, or only third parties speak.
//!
//! `dryflash parts --unknowns` lists them. Code names the rule beside the line that makes the choice.

use crate::part::Family;

/// One choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Choice {
    /// The rule's number.
    pub rule: &'static str,
    /// The family.
    pub family: Family,
    /// What the model does.
    pub choice: &'static str,
    /// Why.
    pub reason: &'static str,
}

const fn f(rule: &'static str, choice: &'static str, reason: &'static str) -> Choice {
    Choice { rule, family: Family::F0, choice, reason }
}

const fn g(rule: &'static str, choice: &'static str, reason: &'static str) -> Choice {
    Choice { rule, family: Family::G0, choice, reason }
}

/// Every choice, in the order of the rules.
pub fn all() -> &'static [Choice] {
    CHOICES
}

const CHOICES: &[Choice] = &[
    f("F4", "a narrow register write is dropped, a narrow read gives its lane", "the manual only says not allowed"),
    f("F5", "ACR resets to 0", "RM0091; ST's SVD prints 0x30"),
    f("F10", "AR reads 0", "the manual calls it write-only"),
    f("F12", "OBR's bits 11 and 15 read 1", "RM0091 4.1.1: BOOT_SEL counts as 1 where it is absent"),
    f("F13", "WRPR's absent bits read 1", "a 1 protects nothing"),
    f("F16", "after a wrong key further key writes do nothing and do not fault", "the manual names one bus error"),
    f("F17", "the first key twice faults on the second write", "follows from the manual's rule"),
    f("F18", "keys while unlocked are harmless", "a debugger's driver sends them so to real F0 and F1 parts"),
    f("F20", "OPTKEYR works while LOCK is set; a wrong option key counts as a wrong key", "not stated"),
    f("F21", "an option operation without OPTWRE is skipped with WRPRTERR", "the flag is not stated"),
    f("F22", "setting LOCK leaves OPTWRE alone", "not stated"),
    f("F23", "a locked CR ignores writes without a flag", "no flag is described; OpenOCD unlocks before OBL_LAUNCH"),
    f("F24", "a reset in flight leaves a seeded part of the operation", "not stated; as the G0 manual warns"),
    f("F26", "a register write while BSY is dropped", "fits 'not write-accessible'; a wait is possible"),
    f("F28", "a half-word written during BSY waits and is programmed", "two drivers write back to back"),
    f("F30", "low bits of AR do not matter", "the manual: selects a page"),
    f("F34", "EOP sets without EOPIE", "a driver relies on it"),
    f("F35", "STRT with PG or OPTPG set does nothing and sets no flag", "seen on an F103, libopencm3 issue 253"),
    f(
        "F35",
        "a half-word written with PG beside PER, MER, OPTER or OPTPG is not programmed, without flag and without EOP",
        "silicon for PER, without error flag: F072, F103, F107; the other bits and EOP are inferred",
    ),
    f(
        "F36",
        "PER with MER erases everything",
        "one field statement (stlink pull request 489), of no named part; the outcome that hurts",
    ),
    f("F36", "MER is not taken while PG is set", "silicon: an STM32F030, stlink pull request 442"),
    f("F36", "AR outside of flash, STRT without operation, STRT with LOCK: nothing, no flag", "not stated"),
    f("F37", "a refused erase sets no EOP", "EOP is for success only, by its note"),
    f("F38", "mass erase with a protected sector erases nothing", "the extent is not stated"),
    f("F41", "0xFFFF into an erased half-word succeeds", "follows from the check"),
    f("F42", "write protection is checked before the blank check", "the order is not stated"),
    f("F44", "pending error flags do not block", "only ST's driver refuses, in software"),
    f(
        "F45",
        "a store with PG = 0 is a bus error; `--f0-store-without-pg ignored` makes it do nothing",
        "not stated for the F0; an F4 and an L4 ignore it",
    ),
    f("F47", "programming through the alias at 0 works", "the chip resolves the alias first; not stated"),
    f("F50", "absent WRP bytes are stored as written, delivered as 0xFF/0x00, and not loaded", "not stated"),
    f("F52", "an option byte that is not erased gives WRPRTERR, for 0x00 too", "RM0091; ST's driver says PGERR"),
    f("F54", "a system reset does not load the option bytes", "RM0091 chapter 4, against 3.3.1"),
    f("F55", "whether leaving Standby loads the option bytes is left to the chip", "not listed"),
    f("F56", "an OBL_LAUNCH reset counts as a pin reset too", "every internal reset pulls NRST; inferred"),
    f("F62", "the lock-out of level 1 stops the core's own fetches too", "inferred"),
    f("F63", "OBL_LAUNCH does not lift the lock-out", "a comment in a G0 driver; the manual names POR"),
    f("F67", "the loaded level decides on the mass erase", "ST's driver relies on it"),
    f("F68", "that mass erase goes over write protection", "the manual's un-protect procedure needs it"),
    f("F69", "a plain mass erase leaves the backup registers", "the note is ambiguous"),
    f("F70", "an option erase at level 2 gives WRPRTERR", "the flag is stated for RDP only"),
    f("F72", "published weaknesses of levels 1 and 2 are not modelled", "the protection works as the manual says"),
    f("F78", "53.5 us a half-word, 30 ms an erase", "typical values quoted from a datasheet that was not seen"),
    f("F79", "option bytes take as long as flash", "inferred"),
    f("F80", "no errata", "the F031's and F051's sheets were not seen"),
    g("G1", "single bank, no reading while writing; pages by flash size", "inferred"),
    g("G5", "a narrow write of a key is a wrong key; a byte to PCROP or SECR registers is dropped", "not stated"),
    g("G6", "ACR resets to 0x00040600 plus EMPTY", "sibling manual and header; ST's SVD prints 0x600"),
    g("G8", "the instruction cache never holds stale lines", "not modelled"),
    g("G11", "ADDR_ECC has 14 bits", "header; ST's SVD shows 15"),
    g("G14", "after a wrong key further key writes do nothing and do not fault", "not stated"),
    g(
        "G16",
        "a key while unlocked faults, sets LOCK and stays so until reset",
        "fault seen on a G081; the lock is inferred",
    ),
    g("G17", "OPTKEYR while locked, or while OPTLOCK is clear, faults until reset", "the first seen on a G071"),
    g("G19", "option registers ignore writes while OPTLOCK is set; LOCK with STRT starts nothing", "not stated"),
    g(
        "G24",
        "a CR write waits during BSY1, and faults with half a double word pending",
        "two notes in one manual differ",
    ),
    g(
        "G26",
        "CFGBSY goes by pairs of stores, refused ones too; PGSERR for a pending flag comes with the next pair",
        "silicon: a G0B1 (uliano/brio) and a G0B0 (stlink issue 1491) give values that this explains",
    ),
    g("G28", "words written during BSY1 wait and are programmed", "a driver streams whole buffers"),
    g("G32", "MER1 stays set after a mass erase", "the manual does not clear it; ST's driver leaves it"),
    g("G33", "pending flags do not block an option change", "the list names program and erase"),
    g("G35", "PNB beyond flash: no erase, no flag", "the manual: not allowed"),
    g("G36", "STRT without operation: nothing", "not stated"),
    g("G37", "a refused erase is no bus error", "a sibling manual's table"),
    g("G40", "a reset in flight leaves a seeded part of the operation", "contents are not guaranteed"),
    g(
        "G45",
        "zeros over a double word programmed with ones fail, on every G0",
        "erratum 2.2.3 of the G0B1's sheet ES0548, live on the silicon that uliano/brio measures; the G071 and G031 by title",
    ),
    g("G46", "programming ones uses a double word up", "follows from G45"),
    g("G47", "a store with PG = 0 is no bus error", "none is described; on the L4 none comes"),
    g("G48", "a locked write off a double word adds PGAERR", "SR values in a report"),
    g("G52", "EOP needs EOPIE", "silicon: a G0B1, both ways; the steps say 'check EOP'"),
    g("G56", "a page erase is enough for fast programming; a standard program or a reset ends it", "sources differ"),
    g("G57", "a row over data makes bad ECC words", "no blank check is made; inferred"),
    g(
        "G58",
        "the next double word has to come before the current one is programmed, its second word 21 us after its first",
        "MISSERR's text; how long the second word may take is inferred",
    ),
    g("G59", "FSTPG may be set for 7 ms", "the text says 7 and 8"),
    g("G62", "ECCD can follow ECCC before it is cleared; the first address stays", "not stated"),
    g("G63", "ADDR_ECC counts double words", "a sibling's description"),
    g("G65", "every read of a bad word flags", "the read buffer is not modelled"),
    g(
        "G66",
        "a bad word reads with data and NMI, for the debugger too, without bus error",
        "the response is not stated",
    ),
    g("G67", "zeros over a bad double word heal it", "inferred"),
    g("G70", "IRHEN is shown as a bit, with no meaning", "the manual and ST's driver differ on its polarity"),
    g("G71", "OPTR is delivered as 0xFFFFFEAA", "drivers and forum posts"),
    g("G72", "reserved bits of option registers read 0, those of OPTR as written", "assumed"),
    g("G74", "an edited option register reads back until OPTSTRT", "ST's driver reads, changes, writes"),
    g("G74", "a further OPTSTRT before a load programs again what the last one did", "OpenOCD's two rounds for WRP"),
    g("G76", "an OBL_LAUNCH reset counts as a pin reset too", "inferred"),
    g("G77", "forced values go by register: only the mismatched word's", "the text lists values, not conditions"),
    g("G81", "OTP cannot be read under the lock-out of level 1", "RM0444 page 69; a sibling's table says readable"),
    g("G81", "a refused program is a bus error and sets WRPERR", "two places of one manual"),
    g("G82", "a debugger once seen locks out until power-on, OBL_LAUNCH does not lift it", "a comment in OpenOCD"),
    g("G84", "a full erase drops PCROP whatever is being written", "inferred"),
    g(
        "G84",
        "level 1 to 0 takes 22.1 ms and an option change; with PCROP_RDP = 0, as chips come, it may take 22 ms a page",
        "RM0440 4.5.1 has successive page erases then; RM0444 has a full erase where there is no PCROP area",
    ),
    g("G86", "write protection does not stop the erase of level 1 to 0", "as F68"),
    g("G90", "a data read of PCROP returns 0", "the value is not stated"),
    g("G92", "the closed securable area gives bus errors, not WRPERR", "the G0's texts; another manual says WRPERR"),
    g(
        "G93",
        "software can set DBG_SWEN again at level 1 with BOOT_LOCK",
        "the manual: application code re-opens debug",
    ),
    g("G94", "EMPTY looks at the first double word", "the C0's text"),
    g("G95", "programming the first page does not clear EMPTY", "a load does, or software; a driver clears it by hand"),
    g(
        "G96",
        "an option load sets EMPTY on every blank chip",
        "an unanswered report says one silicon revision does not",
    ),
    g(
        "G98",
        "85 us a double word, 22 ms a page, 22.1 ms all, 21 us in a fast row",
        "datasheet values; silicon: 88 us with the stores, 22.04 ms, and 683 us a row on a G0B1",
    ),
    g("G99", "an option change takes 23 ms", "a page erase and some double words"),
    g("G100", "narrow stores by the debugger give SIZERR as the core's do", "a driver writes words only"),
    g("G101", "words in the wrong order give PGAERR", "release notes of ST's driver; silicon for +4 and +8: a G0B1"),
    g("G102", "a stale flag makes the next erase end at once", "reading of an intermittent report"),
    g("G103", "no other errata", "sheets were not seen"),
];
