//! Do files get into each other's way?

use super::Context;
use super::lines;
use crate::am32::advice::Advice;
use crate::am32::findings::{Finding, Id, Severity};
use crate::am32::piece::{Piece, written};
use crate::am32::roles::Role;
use crate::image::Segment;
use crate::part::Part;
use crate::plural::{count, verb};
use crate::shell;
use std::collections::BTreeSet;

pub(super) fn judge(context: &Context, part: &Part, findings: &mut Vec<Finding>) {
    for (i, later) in context.pieces.iter().enumerate() {
        for earlier in context.pieces.iter().take(i) {
            // What is at a wrong place, or is taken for something else, has a finding of its own.
            if !misplaced(earlier, findings) && !misplaced(later, findings) {
                findings.extend(pair(context, part, earlier, later));
            }
        }
    }
}

/// Whether it overlaps others because of something that was told already.
fn misplaced(piece: &Piece, findings: &[Finding]) -> bool {
    const CAUSES: [Id; 5] =
        [Id::WRONG_BASE, Id::APP_AT_BOOTLOADER, Id::MISPLACED, Id::EEPROM_ELSEWHERE, Id::LINKED_FOR_BASE];
    let told = |f: &Finding| {
        let error = f.severity == Severity::Error && CAUSES.contains(&f.id);
        error && f.file.as_ref() == Some(&piece.image.name)
    };
    piece.is_mistaken().is_some() || piece.role != Role::Full && findings.iter().any(told)
}

fn pair(context: &Context, part: &Part, earlier: &Piece, later: &Piece) -> Option<Finding> {
    let shared = shared(earlier, later);
    if earlier.role == Role::Full && later.replaces() {
        return replaced(context, earlier, later, &shared);
    }
    // What is blank in a full image is there to be filled.
    let fills = earlier.role == Role::Full && shared.lost == 0;
    let name = |p: &Piece, address| p.image.origin(address).map_or(p.image.name.to_string(), |o| o.to_string());
    if let Some((address, a, b)) = shared.differing.filter(|_| !fills) {
        let message = format!(
            "it puts {b:02X} on 0x{address:08X}, and {} puts {a:02X} there; {} of {} {}",
            name(earlier, address),
            shared.different,
            count(shared.bytes, "shared byte"),
            verb(shared.different, "differs", "differ")
        );
        let advice = advice(context, earlier, later);
        let place = later.image.origin(address).map(|o| o.position);
        let finding = Finding::new(Id::CLASH, message, advice).file(&later.image.name).at(address);
        return Some(match place {
            Some(place) => finding.place(place),
            None => finding,
        });
    }
    if let Some(address) = erased(part, earlier, later) {
        let page = part.flash.page;
        let start = address - (address - part.flash.base) % page;
        let message = format!(
            "to program it, the page from 0x{start:08X} to 0x{:08X} is erased, and with it what {} put on 0x{address:08X}",
            start + (page - 1),
            name(earlier, address)
        );
        let advice = "join the two files into one, or move one of them to a page of its own";
        return Some(Finding::new(Id::ERASED, message, advice).file(&later.image.name).at(address));
    }
    shared.first.filter(|_| shared.different == 0).map(|first| repeated(earlier, later, &shared, first))
}

/// A file that is flashed after a full image, in place of what that holds: worth a word where something is lost.
fn replaced(context: &Context, full: &Piece, later: &Piece, shared: &Shared) -> Option<Finding> {
    if let Some(first) = shared.first.filter(|_| shared.different == 0) {
        return Some(repeated(full, later, shared, first));
    }
    let (address, ..) = shared.differing.filter(|_| shared.lost > 0)?;
    let (name, start) = (&full.image.name, later.image.start());
    let message = format!(
        "it replaces what {name} holds there, from 0x{start:08X} on: {} {} different, the first at 0x{address:08X}",
        count(shared.lost, "byte"),
        verb(shared.lost, "is", "are")
    );
    let full = shell::file(name);
    let advice = Advice::from(format!("flash {full} first and then this file, at 0x{start:08X}, as is done here; "))
        + lines::without(context, later, &[])
        + format!(" looks at {full} alone");
    let finding = Finding::new(Id::CLASH, message, advice).as_bad_as(Severity::Note);
    Some(finding.file(&later.image.name).at(address))
}

fn repeated(earlier: &Piece, later: &Piece, shared: &Shared, first: u32) -> Finding {
    let message = format!(
        "{} from 0x{first:08X} on {} in {} as well, with the same value{}",
        count(shared.bytes, "byte"),
        verb(shared.bytes, "is", "are"),
        earlier.image.name,
        verb(shared.bytes, "", "s")
    );
    let advice = "nothing has to be done; leaving one out changes nothing on these bytes";
    Finding::new(Id::REPEATED, message, advice).file(&later.image.name).at(first)
}

/// Of a bootloader and an app, both are needed: the one that is too long, or for CAN, has to be replaced.
fn advice(context: &Context, earlier: &Piece, later: &Piece) -> Advice {
    let both = [earlier, later];
    let of = |role| both.into_iter().find(|p| p.role == role);
    if let (Some(bootloader), Some(app)) = (of(Role::Bootloader), of(Role::App)) {
        let layout = context.layout;
        let reaches = written(&bootloader.image, layout.app, layout.eeprom);
        let (wrong, what) = if reaches { (bootloader, "bootloader") } else { (app, "app") };
        return format!("both are needed: take another {what} in place of {}", shell::file(&wrong.image.name)).into();
    }
    let (first, second) = (lines::without(context, earlier, &[]), lines::without(context, later, &[]));
    if let (Some(updater), Some(app)) =
        (both.into_iter().find(|p| p.is_updater()), both.into_iter().find(|p| p.role == Role::App && !p.is_updater()))
    {
        let (alone, then) = (lines::without(context, app, &[]), lines::without(context, updater, &[]));
        let (updater, app) = (shell::file(&updater.image.name), shell::file(&app.image.name));
        return Advice::from("an updater and an app go to the same place, one after the other: ")
            + format!("flash {updater} and let it run: ")
            + alone
            + format!("; then flash {app}: ")
            + then;
    }
    // A full image and what is to replace a piece of it.
    let (part_of, full) = (both.into_iter().find(|p| p.role != Role::Full), of(Role::Full));
    let instead = part_of.filter(|p| full.is_some() && p.role != Role::Unknown && !p.replaces()).map(|piece| {
        Advice::from("; or, to flash it after the full image, in place of what that holds: ")
            + lines::replacing(context, piece, &lines::as_role(piece.role, piece))
    });
    Advice::from("leave one of them out: ") + first + " or " + second + instead.unwrap_or_default()
}

#[derive(Default)]
struct Shared {
    /// The lowest shared address.
    first: Option<u32>,
    bytes: u64,
    different: u64,
    /// Of those that differ, how many of the earlier one are not blank.
    lost: u64,
    /// The first address with other data, the earlier value and the later one.
    differing: Option<(u32, u8, u8)>,
}

impl Shared {
    fn add(&mut self, a: &Segment, b: &Segment) {
        let start = a.address.max(b.address);
        let (Some(in_a), Some(in_b)) = (tail(a, start), tail(b, start)) else { return };
        for (i, (x, y)) in in_a.iter().zip(in_b).enumerate() {
            let address = start.wrapping_add(i as u32);
            self.first = self.first.or(Some(address));
            self.bytes += 1;
            if x != y {
                self.different += 1;
                self.lost += u64::from(*x != 0xFF);
                self.differing = self.differing.or(Some((address, *x, *y)));
            }
        }
    }
}

fn shared(earlier: &Piece, later: &Piece) -> Shared {
    let mut shared = Shared::default();
    // Both ascend, so one walk meets every pair that overlaps.
    let (mut first, mut second) = (earlier.image.segments.iter(), later.image.segments.iter());
    let (mut a, mut b) = (first.next(), second.next());
    while let (Some(in_a), Some(in_b)) = (a, b) {
        shared.add(in_a, in_b);
        if in_a.end() <= in_b.end() {
            a = first.next();
        } else {
            b = second.next();
        }
    }
    shared
}

/// The bytes of `segment` from `start` on, which is not below it.
fn tail(segment: &Segment, start: u32) -> Option<&[u8]> {
    segment.data.get((start - segment.address) as usize..).filter(|t| !t.is_empty())
}

/// The first written byte of `earlier` in a page that `later` erases, and does not write itself.
fn erased(part: &Part, earlier: &Piece, later: &Piece) -> Option<u32> {
    let pages = pages(part, later);
    let lost = |address: u32| {
        part.flash.contains(address)
            && pages.contains(&((address - part.flash.base) / part.flash.page))
            && later.image.byte(address).is_none()
    };
    earlier.image.segments.iter().find_map(|s| {
        let written = s.data.iter().enumerate().filter(|(_, b)| **b != 0xFF);
        written.map(|(i, _)| s.address.wrapping_add(i as u32)).find(|a| lost(*a))
    })
}

/// The pages that a piece touches, by number.
fn pages(part: &Part, piece: &Piece) -> BTreeSet<u32> {
    let flash = part.flash;
    let inside = piece.image.slice(flash.base..flash.end());
    let page = |address: u32| (address - flash.base) / flash.page;
    let last = |s: &Segment| u32::try_from(s.end().saturating_sub(1)).unwrap_or(flash.end() - 1);
    inside.segments.iter().flat_map(|s| page(s.address)..=page(last(s))).collect()
}
