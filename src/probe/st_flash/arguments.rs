//! st-flash's command line, read as st-flash 1.7 or 1.8 reads it.

use std::fmt;

/// Which st-flash it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// 1.7.0, which Debian 12 has.
    #[default]
    V1_7,
    /// 1.8.0, which Debian 13 has.
    V1_8,
}

impl Version {
    /// As `--as` has it.
    ///
    /// # Errors
    /// It is another one; says which there are.
    pub fn named(name: &str) -> Result<Version, String> {
        match name {
            "1.7" | "1.7.0" => Ok(Version::V1_7),
            "1.8" | "1.8.0" => Ok(Version::V1_8),
            _ => Err(format!("st-flash {name} is not known; there are 1.7 and 1.8")),
        }
    }

    /// As st-flash tells it.
    pub const fn number(self) -> &'static str {
        match self {
            Version::V1_7 => "1.7.0",
            Version::V1_8 => "1.8.0",
        }
    }
}

/// What st-flash is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `write FILE ADDR`, or `write FILE` for Intel HEX.
    Write {
        /// The file.
        file: String,
        /// Where it goes; none for Intel HEX, which says it itself.
        address: Option<u32>,
    },
    /// `read FILE ADDR SIZE`, of flash, SRAM or anything else on the bus.
    Read {
        /// The file to make.
        file: String,
        /// From where.
        address: u32,
        /// Bytes; 0 is all of flash, or of SRAM.
        size: u32,
    },
    /// `--area=option read FILE [SIZE]`.
    ReadOptions {
        /// The file to make.
        file: String,
        /// Bytes; 0 is all that st-flash knows of.
        size: u32,
    },
    /// `--area=otp read FILE`, which 1.8 takes, and then fails at: these parts have no such area that it knows.
    ReadOtp,
    /// `read` of an area whose value is printed.
    Print(Word),
    /// `write VALUE` to an area of one word.
    WriteWord(Word, u32),
    /// `erase`: the whole chip.
    Erase,
    /// `erase ADDR SIZE`, which 1.8 has: the pages from ADDR on.
    EraseRange {
        /// The first page's.
        address: u32,
        /// Bytes: a number of whole pages.
        size: u32,
    },
    /// `reset`.
    Reset,
}

/// An area of one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// `--area=option`.
    Option,
    /// `--area=option_boot_add`.
    BootAddress,
    /// `--area=optcr`.
    Optcr,
    /// `--area=optcr1`.
    Optcr1,
}

impl Word {
    /// As in `--area=`.
    pub const fn name(self) -> &'static str {
        match self {
            Word::Option => "option",
            Word::BootAddress => "option_boot_add",
            Word::Optcr => "optcr",
            Word::Optcr1 => "optcr1",
        }
    }
}

/// How st-flash takes hold of the chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connect {
    /// Without a reset. 1.7.0 does so by default as well, with or without `--hot-plug`.
    #[default]
    HotPlug,
    /// With NRST low, and a halt before the first instruction.
    UnderReset,
}

/// The form of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Bytes.
    #[default]
    Binary,
    /// Intel HEX.
    Ihex,
}

/// A whole command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// The st-flash that is meant.
    pub version: Version,
    /// What to do.
    pub command: Command,
    /// The form of its file.
    pub format: Format,
    /// How to take hold of the chip.
    pub connect: Connect,
    /// `--opt`: leave out what is blank at the file's end.
    pub skip_blank_end: bool,
    /// `--reset`: reset the chip at the end.
    pub reset: bool,
    /// `--freq`, in kHz; 0 is st-flash's own choice.
    pub frequency: u32,
    /// `--flash`: take flash to have so many bytes; 0 is what the chip says.
    pub flash_size: u32,
    /// `--serial`: the probe that is meant.
    pub serial: Option<String>,
    /// `--debug`: say more.
    pub debug: bool,
}

/// What a command line comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Something to do.
    Run(Arguments),
    /// `--version`.
    Version,
}

/// Why st-flash would not take a command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// An option that st-flash 1.7 does not have, or in a place where it knows none.
    #[error(
        "st-flash 1.7 and 1.8 have no option {0}; their options stand before the command, and are --debug, --reset, --opt, --connect-under-reset, --hot-plug, --serial, --format, --flash=, --freq and --area"
    )]
    Option(String),
    /// An option without its value.
    #[error("{0} wants a value")]
    NoValue(String),
    /// A value that the option does not have.
    #[error("{option}: st-flash has no `{value}`; it has {known}")]
    Value {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What may be given.
        known: &'static str,
    },
    /// Something that is no number to st-flash.
    #[error("{what} `{text}`: {why}")]
    Number {
        /// What it was to be.
        what: &'static str,
        /// What was given.
        text: String,
        /// What is wrong, and what to write.
        why: String,
    },
    /// No command.
    #[error("there is no command; st-flash has write, read, erase and reset")]
    NoCommand,
    /// Something else where the command should be.
    #[error("`{0}` is no command of st-flash; it has write, read, erase and reset")]
    Command(String),
    /// A second command.
    #[error("`{0}` is a second command; a file of that name can be given as ./{0}")]
    SecondCommand(String),
    /// Too few or too many words after the command.
    #[error("`{command}` wants {wanted}, and was given {given}{hint}")]
    Count {
        /// The command, with its area.
        command: String,
        /// What it takes.
        wanted: &'static str,
        /// What stood there.
        given: String,
        /// What may be meant; begins with a separator where it is there.
        hint: &'static str,
    },
    /// `--area=otp read`, which st-flash announces and does not have.
    #[error("st-flash 1.7 cannot read the OTP area by --area=otp; `read FILE ADDR SIZE` can")]
    Otp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Area {
    Memory,
    Otp,
    Word(Word),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Write,
    Read,
    Erase,
    Reset,
}

impl Verb {
    fn of(word: &str) -> Option<Verb> {
        Some(match word {
            "write" => Verb::Write,
            "read" => Verb::Read,
            "erase" => Verb::Erase,
            "reset" => Verb::Reset,
            _ => return None,
        })
    }
}

/// The options of st-flash that take their value as the next word.
pub(super) const WITH_VALUE: [&str; 4] = ["--serial", "--area", "--freq", "--format"];

/// Whether a word is an option of st-flash that takes the next word as its value.
pub fn takes_value(option: &str) -> bool {
    WITH_VALUE.contains(&option)
}

/// Reads what follows `st-flash` on a command line, as 1.7 does.
///
/// # Errors
/// What st-flash would not take.
pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<Parsed, ArgumentError> {
    parse_as(words, Version::V1_7)
}

/// Reads what follows `st-flash` on a command line.
///
/// # Errors
/// What that st-flash would not take.
pub fn parse_as<S: AsRef<str>>(words: &[S], version: Version) -> Result<Parsed, ArgumentError> {
    let mut words = words.iter().map(AsRef::as_ref).peekable();
    let mut arguments = Arguments {
        version,
        command: Command::Erase,
        format: Format::default(),
        connect: Connect::default(),
        skip_blank_end: false,
        reset: false,
        frequency: 0,
        flash_size: 0,
        serial: None,
        debug: false,
    };
    let mut area = Area::Memory;
    while let Some(word) = words.next_if(|w| w.starts_with('-')) {
        let (name, joined) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let value = match joined {
            Some(value) => value,
            None if takes_value(name) => words.next().ok_or_else(|| ArgumentError::NoValue(name.to_owned()))?,
            None => "",
        };
        match name {
            "--version" if joined.is_none() => return Ok(Parsed::Version),
            "--debug" if joined.is_none() => arguments.debug = true,
            "--opt" if joined.is_none() => arguments.skip_blank_end = true,
            "--reset" if joined.is_none() => arguments.reset = true,
            "--connect-under-reset" if joined.is_none() => arguments.connect = Connect::UnderReset,
            "--hot-plug" if joined.is_none() => arguments.connect = Connect::HotPlug,
            "--serial" => arguments.serial = Some(value.to_owned()),
            "--area" => area = area_of(value)?,
            "--freq" => arguments.frequency = frequency(value)?,
            "--format" => {
                arguments.format = match value {
                    "binary" => Format::Binary,
                    "ihex" => Format::Ihex,
                    _ => {
                        let value = value.to_owned();
                        return Err(ArgumentError::Value { option: "--format", value, known: "binary and ihex" });
                    }
                }
            }
            "--flash" if joined.is_some() => arguments.flash_size = number("--flash", value)?,
            "--flash" => return Err(ArgumentError::NoValue("--flash=SIZE".to_owned())),
            _ => return Err(ArgumentError::Option(word.to_owned())),
        }
    }
    let first = words.next().ok_or(ArgumentError::NoCommand)?;
    let verb = Verb::of(first).ok_or_else(|| ArgumentError::Command(first.to_owned()))?;
    // Whatever is a command's name is taken for one, even where a file could be meant.
    if let Some(second) = words.peek().copied().filter(|w| Verb::of(w).is_some()) {
        return Err(ArgumentError::SecondCommand(second.to_owned()));
    }
    let rest: Vec<&str> = words.collect();
    arguments.command = match (version, verb, rest.as_slice()) {
        (Version::V1_8, Verb::Erase, [address, size]) => {
            erase(number("the address", address)?, number("the size", size)?)
        }
        (Version::V1_8, Verb::Read, [_]) if area == Area::Otp => Command::ReadOtp,
        _ => command(verb, area, arguments.format, &rest)?,
    };
    Ok(Parsed::Run(arguments))
}

fn area_of(name: &str) -> Result<Area, ArgumentError> {
    Ok(match name {
        "main" | "system" => Area::Memory,
        "otp" => Area::Otp,
        "option" => Area::Word(Word::Option),
        "option_boot_add" => Area::Word(Word::BootAddress),
        "optcr" => Area::Word(Word::Optcr),
        "optcr1" => Area::Word(Word::Optcr1),
        _ => {
            let known = "main, system, otp, option, option_boot_add, optcr and optcr1";
            return Err(ArgumentError::Value { option: "--area", value: name.to_owned(), known });
        }
    })
}

/// 1.8 takes a 0 for what was not said.
const fn erase(address: u32, size: u32) -> Command {
    if address == 0 || size == 0 { Command::Erase } else { Command::EraseRange { address, size } }
}

fn command(verb: Verb, area: Area, format: Format, rest: &[&str]) -> Result<Command, ArgumentError> {
    let count = |command: &str, wanted: &'static str, hint: &'static str| {
        let given = match rest {
            [] => "nothing".to_owned(),
            words => format!("`{}`", words.join(" ")),
        };
        Err(ArgumentError::Count { command: command.to_owned(), wanted, given, hint })
    };
    match (verb, area) {
        (Verb::Erase, _) => match rest {
            [] => Ok(Command::Erase),
            _ => count(
                "erase",
                "nothing",
                "; st-flash 1.7 erases the whole chip only, 1.8 (--as 1.8) takes ADDR SIZE as well",
            ),
        },
        // st-flash does not look at what stands behind it.
        (Verb::Reset, _) => Ok(Command::Reset),
        (Verb::Read, Area::Memory) => match rest {
            [file, address, size] => Ok(Command::Read {
                file: (*file).to_owned(),
                address: number("the address", address)?,
                size: number("the size", size)?,
            }),
            _ => count("read", "FILE ADDR SIZE", "; st-flash 1.7 wants a size, and takes 0 for all of flash"),
        },
        (Verb::Read, Area::Otp) => Err(ArgumentError::Otp),
        (Verb::Read, Area::Word(Word::Option)) => match rest {
            [] => Ok(Command::Print(Word::Option)),
            [file] => Ok(Command::ReadOptions { file: (*file).to_owned(), size: 0 }),
            [file, size] => Ok(Command::ReadOptions { file: (*file).to_owned(), size: number("the size", size)? }),
            _ => count("--area=option read", "nothing, FILE, or FILE SIZE", ""),
        },
        (Verb::Read, Area::Word(word)) => match rest {
            [] => Ok(Command::Print(word)),
            _ => count(&format!("--area={} read", word.name()), "nothing", ""),
        },
        (Verb::Write, Area::Word(word)) => match rest {
            [value] => Ok(Command::WriteWord(word, number("the value", value)?)),
            _ => count(&format!("--area={} write", word.name()), "VALUE", ""),
        },
        (Verb::Write, Area::Memory | Area::Otp) => match (format, rest) {
            (Format::Binary, [file, address]) => {
                Ok(Command::Write { file: (*file).to_owned(), address: Some(number("the address", address)?) })
            }
            (Format::Ihex, [file]) => Ok(Command::Write { file: (*file).to_owned(), address: None }),
            (Format::Binary, _) => count("write", "FILE ADDR", "; for Intel HEX say --format=ihex before the command"),
            (Format::Ihex, _) => count("--format=ihex write", "FILE", "; a hex file has its addresses in it"),
        },
    }
}

/// A number as st-flash reads it: 0x and 0b, a leading 0 for octal, K and M behind it.
///
/// # Errors
/// It is none, or has more than 32 bits.
pub fn number(what: &'static str, text: &str) -> Result<u32, ArgumentError> {
    let wrong = |why: String| ArgumentError::Number { what, text: text.to_owned(), why };
    let (body, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    let prefix = |p: [&str; 2]| p.into_iter().find_map(|p| body.strip_prefix(p));
    let (digits, radix) = if let Some(digits) = prefix(["0x", "0X"]) {
        (digits, 16)
    } else if let Some(digits) = prefix(["0b", "0B"]) {
        (digits, 2)
    } else if let Some(digits) = body.strip_prefix('0') {
        (digits, 8)
    } else {
        (body, 10)
    };
    if digits.is_empty() {
        return Ok(0);
    }
    if !digits.chars().all(|c| c.is_digit(radix)) {
        let why = match radix {
            8 if body.chars().all(|c| c.is_ascii_hexdigit()) => {
                format!("without 0x a leading 0 makes it octal to st-flash; write 0x{body}")
            }
            10 if body.chars().all(|c| c.is_ascii_hexdigit()) => {
                format!("without 0x it is decimal to st-flash; write 0x{body}")
            }
            _ => "st-flash takes 0x1F, 0b101, 017 (octal) and 31, with k or M behind them for 1024 and 1024 * 1024"
                .to_owned(),
        };
        return Err(wrong(why));
    }
    let value = u64::from_str_radix(digits, radix).ok().and_then(|v| v.checked_mul(factor));
    let too_large = || wrong("has more than 32 bits, and addresses have eight hex digits".to_owned());
    value.and_then(|v| u32::try_from(v).ok()).ok_or_else(too_large)
}

/// A frequency in kHz; M behind it stands for MHz.
fn frequency(text: &str) -> Result<u32, ArgumentError> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1000),
        _ => (text, 1),
    };
    let value = if digits.is_empty() { Some(0) } else { digits.parse::<u32>().ok() };
    value.and_then(|v| v.checked_mul(factor)).filter(|v| *v <= i32::MAX as u32).ok_or_else(|| ArgumentError::Number {
        what: "--freq",
        text: text.to_owned(),
        why: "is no frequency: write kHz, or MHz with an M, as in --freq=1800 or --freq=4M".to_owned(),
    })
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Binary => "binary",
            Format::Ihex => "ihex",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&str> {
        line.split_whitespace().collect()
    }

    fn run(line: &str) -> Arguments {
        match parse(&words(line)) {
            Ok(Parsed::Run(arguments)) => arguments,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn write(file: &str, address: Option<u32>) -> Command {
        Command::Write { file: file.to_owned(), address }
    }

    fn read(file: &str, address: u32, size: u32) -> Command {
        Command::Read { file: file.to_owned(), address, size }
    }

    #[test]
    fn every_command() {
        let table = [
            ("write b.bin 0x08000000", write("b.bin", Some(0x0800_0000))),
            ("--format=binary write b.bin 0x8001000", write("b.bin", Some(0x0800_1000))),
            ("--format binary write b.bin 134217728", write("b.bin", Some(0x0800_0000))),
            ("--format=ihex write a.hex", write("a.hex", None)),
            ("--area=main write b.bin 0x08000000", write("b.bin", Some(0x0800_0000))),
            ("--area=otp write b.bin 0x08000000", write("b.bin", Some(0x0800_0000))),
            ("read d.bin 0x08000000 32k", read("d.bin", 0x0800_0000, 0x8000)),
            ("read d.bin 0x08000000 0x8000", read("d.bin", 0x0800_0000, 0x8000)),
            ("read d.bin 0 0", read("d.bin", 0, 0)),
            ("--area=system read d.bin 0x1fffec00 3K", read("d.bin", 0x1FFF_EC00, 0xC00)),
            ("--format=ihex read d.hex 0x08000000 1M", read("d.hex", 0x0800_0000, 1 << 20)),
            ("erase", Command::Erase),
            ("reset", Command::Reset),
            ("reset whatever", Command::Reset),
            ("--area=option read", Command::Print(Word::Option)),
            ("--area option read", Command::Print(Word::Option)),
            ("--area=optcr read", Command::Print(Word::Optcr)),
            ("--area=option read o.bin", Command::ReadOptions { file: "o.bin".to_owned(), size: 0 }),
            ("--area=option read o.bin 4", Command::ReadOptions { file: "o.bin".to_owned(), size: 4 }),
            ("--area=option write 0xFFFFFEAA", Command::WriteWord(Word::Option, 0xFFFF_FEAA)),
            ("--area=option_boot_add write 0b11", Command::WriteWord(Word::BootAddress, 3)),
            ("--area=optcr1 write 017", Command::WriteWord(Word::Optcr1, 15)),
        ];
        for (line, command) in table {
            assert_eq!(run(line).command, command, "{line}");
        }
    }

    #[test]
    fn every_option() {
        let all = run("--debug --opt --reset --connect-under-reset --serial ABC --freq=4M --flash=128k erase");
        assert!(all.debug && all.skip_blank_end && all.reset);
        assert_eq!(all.connect, Connect::UnderReset);
        assert_eq!(all.serial.as_deref(), Some("ABC"));
        assert_eq!((all.frequency, all.flash_size), (4000, 128 << 10));
        let other = run("--connect-under-reset --hot-plug --serial=X --freq 950k erase");
        assert_eq!((other.connect, other.frequency), (Connect::HotPlug, 950));
        assert_eq!(other.serial.as_deref(), Some("X"));
        assert_eq!(parse(&words("--debug --version erase")), Ok(Parsed::Version));
    }

    #[test]
    fn what_st_flash_refuses_is_refused_with_a_reason() {
        let table = [
            ("", "there is no command"),
            ("--format=hex erase", "--format: st-flash has no `hex`"),
            ("--area=flash erase", "--area: st-flash has no `flash`"),
            ("--mass-erase", "no option --mass-erase"),
            ("--flash 128k erase", "--flash=SIZE wants a value"),
            ("--debug=1 erase", "no option --debug=1"),
            ("--format", "--format wants a value"),
            ("--freq=fast erase", "--freq `fast`"),
            ("flash b.bin", "`flash` is no command"),
            ("write write 0x08000000", "`write` is a second command"),
            ("write b.bin", "`write` wants FILE ADDR, and was given `b.bin`; for Intel HEX"),
            ("--format=ihex write a.hex 0x08000000", "wants FILE, and was given `a.hex 0x08000000`"),
            ("write b.bin 08000000", "makes it octal to st-flash; write 0x08000000"),
            ("write b.bin 8000c00", "decimal to st-flash; write 0x8000c00"),
            ("write b.bin 0x0800000000", "more than 32 bits"),
            ("write b.bin 0x08g0", "the address `0x08g0`"),
            ("write b.bin -1", "the address `-1`"),
            ("read d.bin 0x08000000", "wants a size"),
            ("read d.bin 0x08000000 4T", "the size `4T`"),
            ("read d.bin 0 99999999999999999999", "more than 32 bits"),
            ("erase 0x08000000 1024", "the whole chip only"),
            ("--area=otp read d.bin", "OTP"),
            ("--area=option write", "wants VALUE, and was given nothing"),
            ("--area=optcr read x", "`--area=optcr read` wants nothing"),
        ];
        for (line, text) in table {
            let error = parse(&words(line)).unwrap_err().to_string();
            assert!(error.contains(text), "{line}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_words_make_it_panic(line in proptest::collection::vec("(--flash=|--freq=|0x|[0-9a-gkKmMé])*|write|read|--area=option", 0..5)) {
            let _ = parse(&line);
        }
    }
}
