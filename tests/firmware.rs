//! The stand-in firmware as it is kept: whole, and what its sources give with the compiler that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn built() -> PathBuf {
    root().join("firmware/built")
}

/// All files of a folder, by name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.map(|p| (p.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&p).unwrap())).collect()
}

/// Says that something could not be tested; on a build server that is a failure.
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "a build server tests everything: {why}");
}

/// The compiler's first line about itself.
fn compiler() -> Result<String, String> {
    let output = Command::new("arm-none-eabi-gcc").arg("--version").env("LC_ALL", "C").output();
    let output = output.map_err(|e| format!("arm-none-eabi-gcc does not start: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(str::to_owned).ok_or("arm-none-eabi-gcc does not tell its version".to_owned())
}

#[test]
fn the_sources_give_the_same_bytes() {
    let recorded = std::fs::read_to_string(built().join("COMPILER")).unwrap();
    let recorded = recorded.lines().next().unwrap_or_default();
    match compiler() {
        Err(why) => return skipped(&why),
        Ok(found) if found != recorded => return skipped(&format!("the compiler is {found}, not {recorded}")),
        Ok(_) => {}
    }
    let folder = tempfile::tempdir().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--locked", "--package", "xtask", "--", "firmware"]).arg(folder.path());
    let output = cargo.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (kept, rebuilt) = (contents(&built()), contents(folder.path()));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&rebuilt), names(&kept));
    let differ: Vec<&String> = kept.iter().filter(|(name, bytes)| rebuilt[*name] != **bytes).map(|(n, _)| n).collect();
    assert!(differ.is_empty(), "not what the sources give: {differ:?}; `cargo xtask firmware` builds them anew");
}

#[test]
fn the_checksums_are_those_of_the_files() {
    let files = contents(&built());
    let listed: BTreeMap<&str, &str> = std::str::from_utf8(&files["SHA256SUMS"])
        .unwrap()
        .lines()
        .map(|line| line.split_once("  ").expect("a line is a sum, two spaces and a name"))
        .map(|(sum, name)| (name, sum))
        .collect();
    let expected: Vec<&str> = files.keys().map(String::as_str).filter(|n| *n != "SHA256SUMS").collect();
    let missing: Vec<&&str> = expected.iter().filter(|n| !listed.contains_key(**n)).collect();
    assert!(missing.iter().all(|n| ***n == *"COMPILER"), "not listed: {missing:?}");
    for (name, sum) in listed {
        assert_eq!(sha256::hex(&files[name]), sum, "{name}");
    }
}

/// SHA-256 (FIPS 180-4) in a few lines: less than another crate.
mod sha256 {
    /// The first 32 bits of the fractional parts of `root` of the first primes, with `power` for that root.
    fn fractions<const N: usize>(power: u32) -> [u32; N] {
        let mut out = [0; N];
        let primes = (2u128..).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0));
        for (slot, prime) in out.iter_mut().zip(primes) {
            // The largest number whose power is at most prime * 2^(32 * power): 32 bits behind the point.
            let (mut low, mut high) = (0u128, 1u128 << 36);
            while high - low > 1 {
                let middle = (low + high) / 2;
                if middle.pow(power) <= prime << (32 * power) { low = middle } else { high = middle }
            }
            *slot = low as u32;
        }
        out
    }

    pub fn hex(data: &[u8]) -> String {
        let mut state: [u32; 8] = fractions(2);
        let k: [u32; 64] = fractions(3);
        let mut message = data.to_vec();
        message.push(0x80);
        while message.len() % 64 != 56 {
            message.push(0);
        }
        message.extend((data.len() as u64 * 8).to_be_bytes());
        for block in message.chunks(64) {
            let mut w = [0u32; 64];
            for (word, bytes) in w.iter_mut().zip(block.chunks(4)) {
                *word = u32::from_be_bytes(bytes.try_into().unwrap());
            }
            for t in 16..64 {
                let s0 = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ (w[t - 15] >> 3);
                let s1 = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ (w[t - 2] >> 10);
                w[t] = w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1);
            }
            let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
            for t in 0..64 {
                let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
                let one = h.wrapping_add(s1).wrapping_add((e & f) ^ (!e & g)).wrapping_add(k[t]).wrapping_add(w[t]);
                let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
                let two = s0.wrapping_add((a & b) ^ (a & c) ^ (b & c));
                (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(one), c, b, a, one.wrapping_add(two));
            }
            for (word, value) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                *word = word.wrapping_add(value);
            }
        }
        state.iter().map(|word| format!("{word:08x}")).collect()
    }

    #[test]
    fn known_sums() {
        assert_eq!(hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
