//! How AM32's bootloaders look at their signal wire before they start the app: which pull, how many samples, and how
//! many of them have to be low. Of the counts that are seen, this says what they were held against.
//!
//! Sources: the sources of AM32_Bootloader_F051 (V4 to V11), AM32-bootloader (V12 to V19) and ARK32-bootloader (V18), and
//! samples that real images of V4 to V19 were seen to take.

use crate::chip::samples::{Counted, Stretch};
use crate::periph::gpio::Pull;
use crate::time::Time;

/// What a bootloader does with the samples of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// It jumps where more than this many were low: at once, or once all samples are taken.
    Jumps {
        /// How many are too few.
        more_than: u64,
        /// It looks no further once they are enough.
        at_once: bool,
    },
    /// It stays where none was low, and goes on otherwise.
    Goes {
        /// Those of the stage before count as well.
        carried: bool,
    },
}

/// Samples with the same pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The pin's own pull.
    pub pull: Pull,
    /// At most so many samples.
    pub most: u64,
    /// What they are for.
    pub wants: Wants,
}

/// How some versions decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalCheck {
    /// Which, for people.
    pub versions: &'static str,
    /// The lowest and the highest of them; on a G071, V7 and V8 are among those of V10.
    numbers: (u8, u8),
    /// It looks for the edges of DShot before the first stage, and for bytes of a configurator before it jumps.
    pub edges: bool,
    /// One after another.
    pub stages: &'static [Stage],
    /// While it listens for a configurator it tries again after the wire was low for so long.
    pub break_after: Time,
}

const fn jumps(pull: Pull, most: u64, more_than: u64, at_once: bool) -> Stage {
    Stage { pull, most, wants: Wants::Jumps { more_than, at_once } }
}

const fn goes(pull: Pull, most: u64, carried: bool) -> Stage {
    Stage { pull, most, wants: Wants::Goes { carried } }
}

/// From V12 on.
const BREAK: Time = Time::from_millis(20);
/// Up to V11.
const LONG_BREAK: Time = Time::from_millis(200);

/// No version is newer than that for some time to come.
const NEWEST: u8 = 40;

/// All ways there are; of two that what was seen fits as well, the first is told.
const CHECKS: [SignalCheck; 7] = [
    SignalCheck {
        versions: "V4 and V5",
        numbers: (3, 5),
        edges: false,
        stages: &[jumps(Pull::Down, 10_000, 0, true)],
        break_after: LONG_BREAK,
    },
    SignalCheck {
        versions: "V6",
        numbers: (6, 6),
        edges: false,
        stages: &[jumps(Pull::Down, 1_000, 0, true)],
        break_after: LONG_BREAK,
    },
    SignalCheck {
        versions: "V7 to V9",
        // Some that say 6 decide like V7.
        numbers: (6, 9),
        edges: false,
        stages: &[jumps(Pull::Down, 1_000, 10, true)],
        break_after: LONG_BREAK,
    },
    SignalCheck {
        versions: "V12",
        numbers: (12, 12),
        edges: false,
        stages: &[jumps(Pull::Down, 500, 450, false), goes(Pull::Up, 500, true), jumps(Pull::None, 500, 0, false)],
        break_after: BREAK,
    },
    SignalCheck {
        versions: "V10 and V11",
        numbers: (7, 11),
        edges: false,
        stages: &[goes(Pull::Down, 500, false), jumps(Pull::None, 500, 0, false)],
        break_after: LONG_BREAK,
    },
    SignalCheck { versions: "V13 and newer", numbers: (12, 255), edges: false, stages: FROM_V13, break_after: BREAK },
    SignalCheck { versions: "ARK's V18", numbers: (18, 255), edges: true, stages: FROM_V13, break_after: BREAK },
];

const FROM_V13: &[Stage] =
    &[jumps(Pull::Down, 4_000, 450, true), goes(Pull::Up, 500, true), jumps(Pull::None, 500, 0, false)];

/// A stage, and what was seen in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The stage.
    pub stage: Stage,
    /// The samples.
    pub looks: Counted,
    /// Those that were low as far as they count.
    pub low: u64,
}

impl Taken {
    /// Whether enough were low: to jump, or to go on.
    pub const fn enough(&self) -> bool {
        match self.stage.wants {
            Wants::Jumps { more_than, .. } => self.low > more_than,
            Wants::Goes { .. } => self.low > 0,
        }
    }
}

/// What a bootloader did with its pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// How it decides, where that is known.
    pub check: Option<SignalCheck>,
    /// The look for edges before the first stage.
    pub edges: Option<Counted>,
    /// The stages that it came to.
    pub taken: Vec<Taken>,
    /// What it saw afterwards, listening for a configurator.
    pub listening: Option<Listening>,
}

/// Looks after the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// All of them.
    pub looks: Counted,
    /// Since when, where that shows: the check may look with the same instruction.
    pub since: Option<Time>,
    /// The longest time that the wire was seen low.
    pub longest_low: Time,
}

/// What a bootloader, which may be of these versions, did with its pin, by what was seen of it.
pub fn course(may_be: impl Fn(u8) -> bool, seen: &[Stretch]) -> Course {
    let allowed = |check: &SignalCheck| {
        let (first, last) = check.numbers;
        (first..=last.min(NEWEST)).any(&may_be)
    };
    let mut best: Option<Fit> = None;
    for check in CHECKS.iter().filter(|c| allowed(c)) {
        let fit = Fit::of(check, seen);
        if fit.is_one() && best.as_ref().is_none_or(|b| fit.worth() > b.worth()) {
            best = Some(fit);
        }
    }
    let fit = best.unwrap_or_default();
    Course { check: fit.check.copied(), edges: fit.edges(seen), listening: fit.listening(seen), taken: fit.taken }
}

/// How far what was seen fits a check.
#[derive(Debug, Default)]
struct Fit {
    check: Option<&'static SignalCheck>,
    /// Places of the first stretch that looked for edges.
    before: usize,
    taken: Vec<Taken>,
}

impl Fit {
    fn of(check: &'static SignalCheck, seen: &[Stretch]) -> Fit {
        let before = if check.edges { edge_places(seen) } else { 0 };
        let taken = if check.edges && before == 0 { Vec::new() } else { taken(check, before, seen) };
        Fit { check: Some(check), before, taken }
    }

    /// Whether it fits at all.
    fn is_one(&self) -> bool {
        !self.taken.is_empty() || self.before != 0
    }

    fn worth(&self) -> (bool, usize) {
        (self.is_whole(), self.taken.len())
    }

    /// Whether the check ends after these stages.
    fn is_whole(&self) -> bool {
        let last = self.taken.last();
        let ends = last.is_some_and(|t| matches!(t.stage.wants, Wants::Jumps { .. }) == t.enough());
        ends || self.check.is_some_and(|check| self.taken.len() == check.stages.len())
    }

    fn edges(&self, seen: &[Stretch]) -> Option<Counted> {
        let places = seen.first()?.by_place.get(..self.before)?;
        let (first, last) = (places.first()?.looks, places.last()?.looks);
        let [low, high] =
            [|c: &Counted| c.low, |c: &Counted| c.high].map(|of| places.iter().map(|p| of(&p.looks)).sum());
        Some(Counted { from: first.from, to: last.to, low, high })
    }

    /// What was seen after the stages.
    fn listening(&self, seen: &[Stretch]) -> Option<Listening> {
        let mut all: Option<Listening> = None;
        for (n, stretch) in seen.iter().enumerate() {
            let before = if n == 0 { self.before } else { 0 };
            for (nth, place) in stretch.by_place.iter().enumerate().skip(before) {
                let mut more = place.looks;
                let shared = self.taken.get(n).filter(|_| nth == before);
                if let Some(stage) = shared {
                    more.low -= stage.looks.low.min(more.low);
                    more.high -= stage.looks.high.min(more.high);
                }
                // With the last stage's pull it may listen as well.
                if more.looks() == 0 {
                    continue;
                }
                let since = shared.is_none().then_some(more.from);
                let Listening { looks, since: earliest, longest_low } = all.get_or_insert(Listening {
                    looks: Counted { low: 0, high: 0, ..more },
                    since,
                    longest_low: Time::ZERO,
                });
                looks.low += more.low;
                looks.high += more.high;
                looks.from = looks.from.min(more.from);
                looks.to = looks.to.max(more.to);
                *earliest = earliest.and_then(|earliest| Some(earliest.min(since?)));
                *longest_low = (*longest_low).max(stretch.longest_low);
            }
        }
        all
    }
}

/// How many places of the first stretch looked for edges: one look at the level to begin with, then many.
fn edge_places(seen: &[Stretch]) -> usize {
    let Some(first) = seen.first().filter(|s| s.pull == Pull::Down) else { return 0 };
    match first.by_place.get(..2) {
        Some([one, many]) if one.looks.looks() == 1 && many.looks.looks() > 1 => 2,
        _ => 0,
    }
}

/// The samples of the check's stages, which begin behind these places; none where what was seen is another check's.
fn taken(check: &SignalCheck, before: usize, seen: &[Stretch]) -> Vec<Taken> {
    let mut taken: Vec<Taken> = Vec::new();
    for (n, (stage, stretch)) in check.stages.iter().zip(seen).enumerate() {
        let Some(place) = stretch.by_place.get(if n == 0 { before } else { 0 }) else { break };
        let (mut looks, carried) = (place.looks, taken.last().map_or(0, |t: &Taken| t.low));
        let fits = match stage.wants {
            Wants::Jumps { more_than, at_once: true } => {
                looks.low == more_than + 1 || (looks.looks() == stage.most && looks.low <= more_than)
            }
            // It listens with the same instruction, and so nothing had been low: else the pull would change.
            Wants::Goes { .. } if looks.looks() > stage.most && carried == 0 && n + 1 == seen.len() => {
                looks = Counted { to: looks.from, low: 0, high: stage.most, ..looks };
                true
            }
            _ => looks.looks() == stage.most,
        };
        if stretch.pull != stage.pull || !fits {
            // It has begun to listen.
            break;
        }
        let counts = matches!(stage.wants, Wants::Goes { carried: true });
        let here = Taken { stage: *stage, looks, low: looks.low + if counts { carried } else { 0 } };
        taken.push(here);
        if matches!(stage.wants, Wants::Goes { .. }) && !here.enough() {
            break;
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::marks::BootVersion;
    use crate::chip::samples::ByPlace;

    fn stretch(pull: Pull, places: &[(u64, u64)]) -> Stretch {
        let counted = |(low, high): (u64, u64)| Counted { from: Time(1), to: Time(2), low, high };
        let by_place = places.iter().enumerate().map(|(pc, c)| ByPlace { pc: pc as u32, looks: counted(*c) });
        Stretch { pull, all: counted((0, 0)), longest_low: Time::from_millis(3), by_place: by_place.collect() }
    }

    fn may_be(marks: Option<BootVersion>) -> impl Fn(u8) -> bool {
        move |version| marks.is_none_or(|m| m.allows(version))
    }

    fn versions(marks: Option<BootVersion>, seen: &[Stretch]) -> &'static str {
        course(may_be(marks), seen).check.map_or("", |c| c.versions)
    }

    #[test]
    fn what_was_seen_tells_how_it_decides() {
        use Pull::{Down, None as Floating, Up};
        let byte = |version| Some(BootVersion::Byte { version, address: 0 });
        for (marks, seen, told) in [
            (Some(BootVersion::Unmarked), vec![stretch(Down, &[(1, 40)])], "V4 and V5"),
            (byte(6), vec![stretch(Down, &[(1, 0)])], "V6"),
            (byte(6), vec![stretch(Down, &[(11, 0)])], "V7 to V9"),
            (byte(9), vec![stretch(Down, &[(3, 997)]), stretch(Up, &[(0, 9)])], "V7 to V9"),
            (byte(8), vec![stretch(Down, &[(500, 0)]), stretch(Floating, &[(500, 0)])], "V10 and V11"),
            (Some(BootVersion::LikeV12), vec![stretch(Down, &[(500, 0)])], "V12"),
            (Some(BootVersion::LikeV12), vec![stretch(Down, &[(0, 500)]), stretch(Up, &[(0, 500), (7, 9)])], "V12"),
            (Some(BootVersion::LikeV12), vec![stretch(Down, &[(0, 500)]), stretch(Up, &[(7, 900)])], "V12"),
            (
                Some(BootVersion::LikeV12),
                vec![stretch(Down, &[(20, 480)]), stretch(Floating, &[(20, 480)])],
                "V10 and V11",
            ),
            (Some(BootVersion::V13), vec![stretch(Down, &[(451, 0)])], "V13 and newer"),
            (None, vec![stretch(Down, &[(200, 3_800)]), stretch(Up, &[(0, 500), (0, 9)])], "V13 and newer"),
            (Some(BootVersion::V14OrNewer), vec![stretch(Down, &[(7, 0)])], ""),
            (Some(BootVersion::V14OrNewer), vec![stretch(Down, &[(1, 0), (9, 40)])], "ARK's V18"),
            (Some(BootVersion::V14OrNewer), vec![stretch(Down, &[(1, 0), (9, 40), (451, 0), (9, 9)])], "ARK's V18"),
            (Some(BootVersion::V13), vec![stretch(Down, &[(1, 0), (9, 40)])], ""),
        ] {
            assert_eq!(versions(marks, &seen), told, "{marks:?} {seen:?}");
        }
    }

    #[test]
    fn a_low_sample_of_the_first_stage_counts_in_the_second() {
        let seen =
            [stretch(Pull::Down, &[(7, 3_993)]), stretch(Pull::Up, &[(0, 500)]), stretch(Pull::None, &[(3, 497)])];
        let course = course(may_be(Some(BootVersion::V13)), &seen);
        assert_eq!(
            course.taken.iter().map(|t| (t.low, t.enough())).collect::<Vec<_>>(),
            [(7, false), (7, true), (3, true)]
        );
        assert_eq!(course.listening, None);
    }

    #[test]
    fn what_follows_the_check_is_listening() {
        let seen = [stretch(Pull::Down, &[(0, 4_000)]), stretch(Pull::Up, &[(0, 500), (3, 70), (2, 2)])];
        let course = course(may_be(Some(BootVersion::V14OrNewer)), &seen);
        assert_eq!(
            course.taken.iter().map(|t| (t.looks.high, t.enough())).collect::<Vec<_>>(),
            [(4_000, false), (500, false)]
        );
        let listening = course.listening.unwrap();
        assert_eq!((listening.looks.low, listening.looks.high), (5, 72));
        assert_eq!(listening.since, Some(Time(1)));
    }

    #[test]
    fn since_when_it_listens_shows_where_no_stage_looks_with_the_same_instruction() {
        let seen = [stretch(Pull::Down, &[(0, 4_000)]), stretch(Pull::Up, &[(0, 9_000)])];
        let listening = course(may_be(Some(BootVersion::V14OrNewer)), &seen).listening.unwrap();
        assert_eq!((listening.looks.high, listening.since), (8_500, None));
    }

    #[test]
    fn a_look_for_edges_is_no_part_of_a_stage() {
        let seen = [stretch(Pull::Down, &[(0, 1), (177, 2_347), (451, 333), (1, 8)])];
        let course = course(may_be(None), &seen);
        let edges = course.edges.unwrap();
        assert_eq!((edges.low, edges.high), (177, 2_348));
        assert_eq!(course.taken.iter().map(|t| (t.looks.low, t.enough())).collect::<Vec<_>>(), [(451, true)]);
        assert_eq!(course.listening.unwrap().looks.looks(), 9);
    }
}
