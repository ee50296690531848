//! Numbers in sentences: one byte, two bytes, 2,048 bytes.

/// `1 byte`, `2 bytes`: a number and what is counted, by its singular.
pub(crate) fn count(n: u64, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

/// The verb's form for `n`: `1 byte differs`, `2 bytes differ`.
pub(crate) const fn verb<'a>(n: u64, one: &'a str, many: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}

/// A number with commas: `27,648`.
pub(crate) fn thousands(n: impl std::fmt::Display) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A part's name with its article: `an STM32F051K6`, `a G071`. They are spelled out.
#[cfg(feature = "cli")]
pub(crate) fn a(name: &str) -> String {
    let vowel = name.starts_with(|c: char| "AEFHILMNORSX".contains(c.to_ascii_uppercase()));
    format!("{} {name}", if vowel { "an" } else { "a" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([0, 999, 1_000, 27_648, 1_234_567].map(thousands), ["0", "999", "1,000", "27,648", "1,234,567"]);
    }

    #[test]
    fn one_and_many() {
        assert_eq!([0, 1, 2].map(|n| count(n, "byte")), ["0 bytes", "1 byte", "2 bytes"]);
        assert_eq!([0, 1, 2].map(|n| verb(n, "differs", "differ")), ["differ", "differs", "differ"]);
        #[cfg(feature = "cli")]
        assert_eq!(["STM32F051K6", "F051", "G071", "NXP"].map(a), ["an STM32F051K6", "an F051", "a G071", "an NXP"]);
    }
}
