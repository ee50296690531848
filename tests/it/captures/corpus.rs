//! What the fuzz targets begin with (`fuzz/corpus/`): built here, so that it holds nothing of anyone's.
//!
//! `DRYFLASH_WRITE_CORPUS=1 cargo test --test it captures::corpus` writes it anew. Files that a fuzzer found stand beside it.

use super::build::{CONTAINERS, Container, LINKS, Link, descriptor, file, own, sample, session, simple};
use super::logs::log;
use super::{NO_SNAP, PCAP};
use dryflash::probe::capture::to_pcap;
use std::path::Path;

/// Target, name, content.
fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();
    let events = [descriptor(0x0483, 0x374B).to_vec(), session(&sample(), 1, 64)].concat();
    for link in LINKS {
        for (n, container) in CONTAINERS.into_iter().enumerate() {
            let target = if matches!(container, Container::Pcap { .. }) { "pcap" } else { "pcapng" };
            let name = format!("{}-{n}", link.number());
            seeds.push((target, name, file(&events, link, container, NO_SNAP)));
        }
        seeds.push(("pcap", format!("{}-short", link.number()), file(&events, link, PCAP, 90)));
        seeds.push(("pcapng", format!("{}-simple", link.number()), simple(&events, link, NO_SNAP)));
    }
    seeds.push(("pcap", "own".to_owned(), to_pcap(&own(sample()))));
    seeds.push(("pcap", "late".to_owned(), file(&events[9..], Link::Usbmon64, PCAP, NO_SNAP)));
    seeds.push(("jsonl", "own".to_owned(), own(sample()).to_jsonl()));
    seeds.push(("pyocd", "plain".to_owned(), log(&sample(), false).into_bytes()));
    seeds.push(("pyocd", "colour".to_owned(), log(&sample(), true).into_bytes()));
    seeds.extend(sessions().into_iter().map(|(name, transfers)| {
        let framed = transfers.iter().flat_map(|t| [&[t.len() as u8][..], t].concat());
        ("commands", name.to_owned(), [0].into_iter().chain(framed).collect())
    }));
    seeds
}

/// USB transfers for the probe.
fn sessions() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let word = |address: u32, value: u32| [&[0xF2, 0x35][..], &address.to_le_bytes(), &value.to_le_bytes()].concat();
    let read = |address: u32| [&[0xF2, 0x36][..], &address.to_le_bytes()].concat();
    let block = |opcode: u8, address: u32, length: u16| {
        [&[0xF2, opcode][..], &address.to_le_bytes(), &length.to_le_bytes()].concat()
    };
    let register = |n: u8, value: u32| [&[0xF2, 0x34, n][..], &value.to_le_bytes()].concat();
    let enter = vec![0xF2, 0x30, 0xA3];
    let halt = word(0xE000_EDF0, 0xA05F_0003);
    vec![
        (
            "questions",
            vec![
                vec![0xF1],
                vec![0xF5],
                vec![0xF7],
                enter.clone(),
                vec![0xF2, 0x31],
                vec![0xF2, 0x22],
                vec![0xF2, 0x3A],
            ],
        ),
        ("v3", vec![vec![0xFB], enter.clone(), vec![0xF2, 0x62, 0], vec![0xF2, 0x61, 0, 0, 0xE8, 3], vec![0xF2, 0x56]]),
        (
            "memory",
            vec![
                enter.clone(),
                halt.clone(),
                block(0x08, 0x2000_0000, 8),
                vec![1, 2, 3, 4, 5, 6, 7, 8],
                vec![0xF2, 0x3E],
                block(0x07, 0x2000_0000, 8),
                block(0x0D, 0x2000_0001, 3),
                vec![9, 9, 9],
                block(0x0C, 0x2000_0000, 12),
                block(0x47, 0x2000_0002, 2),
                block(0x54, 0x4001_5800, 4),
                vec![0xF2, 0x3B],
            ],
        ),
        (
            // Erases a page and programs half a word.
            "flash",
            vec![
                enter.clone(),
                halt.clone(),
                word(0x4002_2004, 0x4567_0123),
                word(0x4002_2004, 0xCDEF_89AB),
                word(0x4002_2010, 2),
                word(0x4002_2014, 0x0800_0400),
                word(0x4002_2010, 0x42),
                read(0x4002_200C),
                word(0x4002_2010, 1),
                block(0x48, 0x0800_0400, 2),
                vec![0x34, 0x12],
                read(0x0800_0400),
                read(0x4002_200C),
            ],
        ),
        (
            // movs r0, #7; bkpt; in SRAM, with a breakpoint before it.
            "run",
            vec![
                enter.clone(),
                halt,
                block(0x08, 0x2000_0100, 4),
                vec![0x07, 0x20, 0x00, 0xBE],
                register(15, 0x2000_0100),
                word(0xE000_2000, 3),
                word(0xE000_2008, 0x0800_000D),
                word(0xE000_EDF0, 0xA05F_0001),
                read(0xE000_EDF0),
                vec![0xF2, 0x33, 0],
                vec![0xF2, 0x3C, 2],
                vec![0xF2, 0x32],
                vec![0xF2, 0x21],
            ],
        ),
        (
            "ports",
            vec![
                enter,
                vec![0xF2, 0x4B, 0],
                vec![0xF2, 0x45, 0xFF, 0xFF, 4, 0],
                vec![0xF2, 0x46, 0, 0, 4, 0, 0, 0, 0, 0x20],
                vec![0xF2, 0x45, 0, 0, 0x0C, 0],
                vec![0xF2, 0x51, 2, 0, 0, 0],
                vec![1, 3, 0, 0, 0, 2, 0, 0x20, 0, 0, 0, 0],
                vec![0xF2, 0x52],
                vec![0xF2, 0x4C, 0],
            ],
        ),
    ]
}

#[test]
fn the_kept_corpus_is_what_is_built_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (target, name, content) in seeds() {
        let file = folder.join(target).join(&name);
        if std::env::var_os("DRYFLASH_WRITE_CORPUS").is_some() {
            std::fs::create_dir_all(folder.join(target)).unwrap();
            std::fs::write(&file, content).unwrap();
        } else {
            assert!(std::fs::read(&file).is_ok_and(|kept| kept == content), "{} differs", file.display());
        }
    }
}
