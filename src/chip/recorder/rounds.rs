//! Rounds of a loop that are alike to the last register and value are kept once, with a count: what polls come to.

use super::{Record, What};
use std::collections::VecDeque;

/// The longest round that is looked for, in records.
const LONGEST: usize = 32;

/// Where the records go.
#[derive(Clone, Debug, Default)]
pub(super) struct Rounds {
    /// Records of the round that stands before the count at the end; 0 outside of a loop.
    length: usize,
    /// Of the round that runs now, what was as before.
    begun: Vec<Record>,
}

impl Rounds {
    /// Adds a record.
    pub fn push(&mut self, records: &mut VecDeque<Record>, record: Record) {
        if self.length > 0 {
            // The round stands before its count.
            let first = records.len() - 1 - self.length;
            if records[first + self.begun.len()].what == record.what {
                let time = record.time;
                self.begun.push(record);
                if self.begun.len() == self.length {
                    self.begun.clear();
                    if let Some(Record { what: What::Again { times, until, .. }, .. }) = records.back_mut() {
                        *times += 1;
                        *until = time;
                    }
                }
                return;
            }
            self.leave(records);
        }
        records.push_back(record);
        self.find(records);
    }

    /// The loop is left: what had begun of a round stands for itself.
    pub fn leave(&mut self, records: &mut VecDeque<Record>) {
        self.length = 0;
        records.extend(self.begun.drain(..));
    }

    /// Whether the last records are those before them again.
    fn find(&mut self, records: &mut VecDeque<Record>) {
        let count = records.len();
        let Some(last) = records.back() else { return };
        let before = records.iter().rev().skip(1).take(LONGEST);
        let Some(length) = before.map(|r| &r.what).position(|what| *what == last.what).map(|n| n + 1) else { return };
        if count < 2 * length || matches!(last.what, What::Again { .. }) {
            return;
        }
        let alike = (1..length).all(|n| records[count - 1 - n].what == records[count - 1 - n - length].what);
        if alike {
            let until = last.time;
            let begun = records[count - length].time;
            records.truncate(count - length);
            records.push_back(Record { time: begun, what: What::Again { lines: length, times: 1, until } });
            self.length = length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    fn fold(pcs: &[u32]) -> Vec<String> {
        let (mut rounds, mut records) = (Rounds::default(), VecDeque::new());
        for (n, pc) in pcs.iter().enumerate() {
            rounds.push(
                &mut records,
                Record { time: Time(n as u64), what: What::Returned { pc: *pc, changed: Vec::new() } },
            );
        }
        rounds.leave(&mut records);
        let told = |r: &Record| match &r.what {
            What::Returned { pc, .. } => format!("{pc}@{}", r.time.0),
            What::Again { lines, times, until } => format!("{lines}x{times}@{}-{}", r.time.0, until.0),
            other => panic!("{other:?}"),
        };
        records.iter().map(told).collect()
    }

    #[test]
    fn rounds_that_are_alike_are_counted() {
        assert_eq!(fold(&[9, 1, 2, 1, 2, 1, 2, 3]), ["9@0", "1@1", "2@2", "2x2@3-6", "3@7"]);
        assert_eq!(fold(&[1, 1, 1]), ["1@0", "1x2@1-2"]);
    }

    #[test]
    fn what_is_not_alike_stands_for_itself() {
        assert_eq!(fold(&[1, 2, 1, 3, 1, 2]).len(), 6);
        // The last round breaks off.
        assert_eq!(fold(&[1, 2, 3, 1, 2, 3, 1, 2, 9]), ["1@0", "2@1", "3@2", "3x1@3-5", "1@6", "2@7", "9@8"]);
        assert_eq!(fold(&[1, 2, 3, 1, 2, 3, 1]), ["1@0", "2@1", "3@2", "3x1@3-5", "1@6"]);
    }

    #[test]
    fn a_loop_in_a_loop_keeps_all_that_differs() {
        let told = fold(&[1, 1, 1, 2, 1, 1, 1, 2, 1, 1]);
        assert_eq!(told, ["1@0", "1x2@1-2", "2@3", "1@4", "1x2@5-6", "2@7", "1@8", "1x1@9-9"]);
    }
}
