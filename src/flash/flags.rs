//! The flags of the status registers, by their names in the manuals.

use serde::{Serialize, Serializer};
use std::fmt;

macro_rules! flags {
    ($($(#[$doc:meta])* $flag:ident = $name:literal),* $(,)?) => {
        /// A flag of FLASH_SR (RM0091 3.5.4, RM0444 3.7.4) or FLASH_ECCR (RM0444 3.7.6).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Flag {
            $($(#[$doc])* $flag,)*
        }

        impl Flag {
            /// All of them, in the order in which they are told.
            const ALL: &[Flag] = &[$(Flag::$flag),*];

            /// Its name in the manual.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Flag::$flag => $name,)*
                }
            }
        }
    };
}

flags! {
    /// An operation is in flight (F0).
    Bsy = "BSY",
    /// What was programmed was not erased (F0).
    Pgerr = "PGERR",
    /// The page or the option bytes are write-protected (F0).
    Wrprterr = "WRPRTERR",
    /// An operation has ended.
    Eop = "EOP",
    /// An operation was refused, and ERRIE is set (G0).
    Operr = "OPERR",
    /// What was programmed was not erased (G0).
    Progerr = "PROGERR",
    /// The page is write-protected (G0).
    Wrperr = "WRPERR",
    /// The stores of a double word or row do not lie in it (G0).
    Pgaerr = "PGAERR",
    /// A store of the wrong width (G0).
    Sizerr = "SIZERR",
    /// Steps in the wrong order (G0).
    Pgserr = "PGSERR",
    /// Fast programming: a word came too late (G0).
    Miserr = "MISERR",
    /// Fast programming was broken off (G0).
    Fasterr = "FASTERR",
    /// A read of a PCROP area (G0).
    Rderr = "RDERR",
    /// The option bytes as loaded do not fit their complements (G0).
    Optverr = "OPTVERR",
    /// An operation is in flight (G0).
    Bsy1 = "BSY1",
    /// A double word is under way (G0).
    Cfgbsy = "CFGBSY",
    /// ECC has corrected a bit (G0).
    Eccc = "ECCC",
    /// ECC has found two bad bits (G0).
    Eccd = "ECCD",
}

impl Flag {
    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(u32);

impl Flags {
    /// Those of a register's value, by the bits of the register.
    pub(super) fn of(bits: &[(u32, Flag)], value: u32) -> Flags {
        bits.iter().filter(|(bit, _)| value & bit != 0).map(|(_, flag)| *flag).collect()
    }

    /// Whether none is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is set.
    pub const fn contains(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// Whether write protection refused an operation.
    pub const fn is_write_protected(self) -> bool {
        self.contains(Flag::Wrprterr) || self.contains(Flag::Wrperr)
    }

    /// The set ones.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.iter().copied().filter(move |flag| self.contains(*flag))
    }

    /// Names of the set ones.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Flag::name).collect()
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Flags {
        Flags(flags.into_iter().fold(0, |set, flag| set | flag.bit()))
    }
}

/// Names, with commas between them.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

/// A list of names.
impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_told_in_the_order_of_its_register() {
        let bits = [(1 << 4, Flag::Wrperr), (1 << 3, Flag::Progerr), (1 << 5, Flag::Pgaerr)];
        let set = Flags::of(&bits, 1 << 4 | 1 << 3 | 1 << 9);
        assert_eq!(set.to_string(), "PROGERR, WRPERR");
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["PROGERR","WRPERR"]"#);
        assert!(set.is_write_protected() && set.contains(Flag::Progerr) && !set.contains(Flag::Pgaerr));
        assert!(Flags::default().is_empty() && !set.is_empty());
    }
}
