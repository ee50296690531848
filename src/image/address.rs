//! `FILE@ADDRESS`, as people write it on a command line.

use super::ImageError;

/// Splits `FILE@ADDRESS`. The address is hexadecimal after `0x` (underscores may group its digits), else
/// decimal. An `@` that no number follows belongs to the file's name, as does one that nothing precedes.
///
/// A name that itself ends in `@` and digits needs its address written out: `fw@2@0x8001000`.
pub fn split_address(arg: &str) -> Result<(&str, Option<u32>), ImageError> {
    let Some((file, text)) = arg.rsplit_once('@').filter(|(file, _)| !file.is_empty()) else {
        return Ok((arg, None));
    };
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex.replace('_', ""), 16),
        None => (text.to_owned(), 10),
    };
    // Nobody means 8,001,000 by 8001000, and 08007c00 is no part of a name.
    if radix == 10 && (7..=8).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(ImageError::AddressWithoutPrefix { file: file.into(), text: text.to_owned() });
    }
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Ok((arg, None));
    }
    match u32::from_str_radix(&digits, radix) {
        Ok(address) => Ok((file, Some(address))),
        // Only digits, so it can but be too large.
        Err(_) => Err(ImageError::AddressTooLarge { file: file.into(), text: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(arg: &str) -> (&str, Option<u32>) {
        split_address(arg).unwrap()
    }

    #[test]
    fn addresses_are_hexadecimal_or_decimal() {
        assert_eq!(split("app.bin@0x0800_1000"), ("app.bin", Some(0x0800_1000)));
        assert_eq!(split("app.bin@0X8001000"), ("app.bin", Some(0x0800_1000)));
        assert_eq!(split("app.bin@4096"), ("app.bin", Some(4096)));
        assert_eq!(split("app.bin@0xFFFFFFFF"), ("app.bin", Some(u32::MAX)));
        // Seven digits are a mistake that others judge.
        assert_eq!(split("app.bin@0x0800000"), ("app.bin", Some(0x0080_0000)));
    }

    #[test]
    fn hexadecimal_digits_alone_are_no_address() {
        for text in ["08000000", "8001000", "08007c00", "8007C00"] {
            let error = split_address(&format!("app.bin@{text}")).unwrap_err().to_string();
            assert!(error.contains(&format!("app.bin@0x{text}")), "{error}");
        }
        assert_eq!(split("app.bin@123456"), ("app.bin", Some(123_456)));
    }

    #[test]
    fn an_at_without_a_number_belongs_to_the_name() {
        for name in [
            "app.bin",
            "me@home.bin",
            "app.bin@",
            "app.bin@0x",
            "app.bin@0x_",
            "a@0xZZ",
            "a@12_3",
            "a@-1",
            "a@+1",
            "@12",
        ] {
            assert_eq!(split(name), (name, None));
        }
        assert_eq!(split("me@home/app.bin@16"), ("me@home/app.bin", Some(16)));
        assert_eq!(split("fw@2@0x10"), ("fw@2", Some(16)));
    }

    #[test]
    fn more_than_32_bits_is_an_error() {
        for arg in ["app.bin@0x1_0000_0000", "app.bin@4294967296", "app.bin@99999999999999999999999"] {
            let error = split_address(arg).unwrap_err();
            assert!(matches!(error, ImageError::AddressTooLarge { .. }), "{error}");
        }
    }
}
