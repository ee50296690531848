//! The last loads of registers: what code is polling.

use crate::part::Part;

/// How many are kept.
const KEPT: usize = 64;

/// A register that code read again and again, and from where.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Polled {
    /// The register.
    pub address: u32,
    /// Its name, such as `ADC ISR`.
    pub name: String,
    /// The instruction that read it last.
    pub pc: u32,
    /// How many of the last reads were of it.
    pub reads: usize,
}

/// A load of a register.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    pub address: u32,
    pub pc: u32,
    pub cycle: u64,
    /// Which entry of a handler it belongs to, 0 in Thread mode.
    pub entry: u64,
}

/// The last of them.
#[derive(Debug)]
pub(super) struct Reads {
    last: Box<[Read; KEPT]>,
    at: usize,
}

impl Reads {
    pub fn new() -> Reads {
        Reads { last: Box::new([Read::default(); KEPT]), at: 0 }
    }

    pub fn push(&mut self, read: Read) {
        self.last[self.at % KEPT] = read;
        self.at = self.at.wrapping_add(1);
    }

    /// `round` was read `times` times more: `later` gives a load of it in the n-th of them. The record comes out as if
    /// each had been pushed.
    pub fn repeat<T>(&mut self, round: &[T], times: u64, later: impl Fn(&T, u64) -> Read) {
        if round.is_empty() {
            return;
        }
        let kept = times.min((KEPT / round.len()) as u64 + 1);
        let left_out = usize::try_from(times - kept).unwrap_or(0);
        self.at = self.at.wrapping_add(left_out.wrapping_mul(round.len()));
        for n in times - kept..times {
            for read in round {
                self.push(later(read, n));
            }
        }
    }

    /// The registers that were read most from `since` on; most read first. What an instruction reads but once, or once
    /// each time that its handler is entered, is no poll.
    pub fn polled(&self, since: u64, part: &Part) -> Vec<Polled> {
        let reads: Vec<&Read> = self.last.iter().filter(|r| r.address != 0 && r.cycle >= since).collect();
        let again = |r: &Read| reads.iter().filter(|o| (o.entry, o.pc) == (r.entry, r.pc)).count() > 1;
        let mut found: Vec<Polled> = Vec::new();
        for &&Read { address, pc, .. } in reads.iter().filter(|r| again(r)) {
            match found.iter_mut().find(|p| p.address == address) {
                Some(p) => {
                    p.reads += 1;
                    p.pc = pc;
                }
                None => {
                    let name = super::names::register(part, address);
                    found.push(Polled { address, name, pc, reads: 1 });
                }
            }
        }
        found.sort_by_key(|p| std::cmp::Reverse(p.reads));
        found
    }

    /// Forgets all, and where the record stood: of registers read equally often, the first is told first, whatever ran
    /// before.
    pub fn forget(&mut self) {
        self.last.fill(Read::default());
        self.at = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_handler_reads_once_an_entry_is_no_poll() {
        let part = crate::part::find("F051").unwrap();
        let mut reads = Reads::new();
        let read = |pc, cycle, entry| Read { address: 0x4000_1010, pc, cycle, entry };
        for n in 0..5 {
            reads.push(read(0x0800_2000, 10 * n, n + 1));
        }
        assert_eq!(reads.polled(0, &part), []);
        reads.push(read(0x0800_3000, 60, 0));
        assert_eq!(reads.polled(0, &part), []);
        reads.push(read(0x0800_3000, 61, 0));
        assert_eq!(reads.polled(0, &part).iter().map(|p| (p.pc, p.reads)).collect::<Vec<_>>(), [(0x0800_3000, 2)]);
        // A handler that reads it again and again is at it.
        (0..3).for_each(|n| reads.push(read(0x0800_2000, 70 + n, 9)));
        assert_eq!(reads.polled(65, &part).iter().map(|p| (p.pc, p.reads)).collect::<Vec<_>>(), [(0x0800_2000, 3)]);
    }

    #[test]
    fn a_repeated_round_is_recorded_as_if_each_read_had_been_made() {
        let at = |pc: &u32, n: u64| Read { address: 4 * pc, pc: *pc, cycle: n, entry: 0 };
        let (mut one_by_one, mut at_once) = (Reads::new(), Reads::new());
        for n in 0..100 {
            [1, 2, 3].iter().for_each(|pc| one_by_one.push(at(pc, n)));
        }
        at_once.repeat(&[1, 2, 3], 100, at);
        let told = |r: &Reads| r.last.iter().map(|r| (r.pc, r.cycle)).collect::<Vec<_>>();
        assert_eq!((told(&at_once), at_once.at), (told(&one_by_one), one_by_one.at));
    }
}
