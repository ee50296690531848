//! A signal for each seed: text of the language, valid by the way it is made.

use crate::differential::random::Random;
use dryflash::wire::{Names, Spec, Waveform};
use std::collections::BTreeMap;
use std::fmt;

/// All parts begin before this, in microseconds.
const LAST_PART_US: u32 = 45_000;

/// What a seed stands for.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The seed.
    pub seed: u64,
    /// As people could have written it.
    pub text: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}", self.seed, self.text)
    }
}

impl Generated {
    /// Another text with the same files.
    pub fn parsed(&self, text: &str) -> Waveform {
        let read = text.parse::<Spec>().and_then(|spec| spec.resolve(self));
        read.unwrap_or_else(|e| panic!("{self}: {e}"))
    }

    /// The name of its first file.
    pub fn file(&self) -> &str {
        self.files.keys().next().map_or("", String::as_str)
    }

    /// The signal.
    pub fn waveform(&self) -> Waveform {
        self.parsed(&self.text)
    }
}

impl Names for Generated {
    fn text(&self, _: &str) -> Option<&str> {
        None
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    fn read(&self, path: &str, _: Option<&str>) -> Result<Vec<u8>, String> {
        self.files.get(path).cloned().ok_or_else(|| format!("no file {path}"))
    }
}

/// The signal of a seed: one to four parts, a resistance on the way of some.
pub fn signal(seed: u64) -> Generated {
    let mut draw = Draw { random: Random::new(seed, 0x0051_6E41), files: BTreeMap::new() };
    let mut text = draw.part();
    if draw.random.once_in(4) {
        text.push_str(&format!(" via {}", draw.ohms()));
    }
    let mut from = 0;
    while draw.random.once_in(2) && from < LAST_PART_US {
        from += 1 + draw.random.below(LAST_PART_US / 3);
        let part = draw.part();
        text.push_str(&format!(", {part}@{from}us"));
    }
    Generated { seed, text, files: draw.files }
}

/// A part alone, that begins at power-on.
pub fn part(seed: u64) -> Generated {
    let mut draw = Draw { random: Random::new(seed, 0x0009_A127), files: BTreeMap::new() };
    let text = draw.part();
    Generated { seed, text, files: draw.files }
}

/// A recording alone.
pub fn recorded(seed: u64) -> Generated {
    let mut draw = Draw { random: Random::new(seed, 0x0000_0CD0), files: BTreeMap::new() };
    let text = draw.recorded();
    Generated { seed, text, files: draw.files }
}

struct Draw {
    random: Random,
    files: BTreeMap<String, Vec<u8>>,
}

/// When frames come: the rate that is written, the period that it makes, and what a frame needs of it. In nanoseconds.
struct Room {
    rate: Option<String>,
    period: u32,
    needed: u32,
}

impl Draw {
    fn part(&mut self) -> String {
        match self.random.below(8) {
            0 => self.level(),
            1 => self.pulses(),
            2..=4 => self.dshot(),
            5 => self.serial(),
            6 if self.random.once_in(2) => self.glitches(),
            6 => self.noise(),
            _ => self.recorded(),
        }
    }

    fn ohms(&mut self) -> String {
        let ohms = ["0", "50", "330", "1k", "4.7k", "10k", "22 k", "40k", "100kohm", "2.2M"];
        self.random.pick(&ohms).to_owned()
    }

    fn level(&mut self) -> String {
        match self.random.below(8) {
            0 | 1 => "low".to_owned(),
            2 => "high".to_owned(),
            3 => "floating".to_owned(),
            4 => format!("pulldown {}", self.ohms()),
            5 => format!("pullup {}", self.ohms()),
            6 => "pullup".to_owned(),
            _ => self.random.pick(&["held-low", "held-high", "nothing", "pulled-down", "pulled-up"]).to_owned(),
        }
    }

    /// One of these rates that a frame fits into, in hertz, or the usual one.
    fn room(&mut self, needed_ns: u32, usual_hz: u32, rates: &[u32]) -> Room {
        let fitting: Vec<u32> = rates.iter().copied().filter(|hz| 1_000_000_000 / hz > needed_ns).collect();
        if fitting.is_empty() || self.random.once_in(3) {
            return Room { rate: None, period: 1_000_000_000 / usual_hz, needed: needed_ns };
        }
        let hz = self.random.pick(&fitting);
        let written = match self.random.below(3) {
            0 => format!("{hz}Hz"),
            1 => format!("{}.{:03} kHz", hz / 1_000, hz % 1_000),
            _ => format!("{}kHz", f64::from(hz) / 1_000.0),
        };
        Room { rate: Some(written), period: 1_000_000_000 / hz, needed: needed_ns }
    }

    /// The options of a stream, in any order.
    fn options(&mut self, room: &Room, jitters: bool) -> String {
        let mut options: Vec<String> = room.rate.iter().map(|rate| format!("at {rate}")).collect();
        if self.random.once_in(3) {
            options.push(format!("after {}us", self.random.below(30_000)));
        }
        if self.random.once_in(2) {
            options.push(format!("phase {}ns", self.random.below(room.period.saturating_mul(2))));
        }
        let spare = room.period.saturating_sub(room.needed) / 2;
        if jitters && spare > 0 && self.random.once_in(2) {
            // Small as clocks have it, or as much as fits.
            let most = if self.random.once_in(2) { spare } else { spare.min(5_000) };
            options.push(format!("jitter {}ns", self.random.below(most)));
        }
        if self.random.once_in(2) {
            options.push(format!("clock {:+}ppm", self.random.below(60_001) as i32 - 30_000));
        }
        if self.random.once_in(2) {
            options.push(format!("seed {}", self.random.next()));
        }
        self.shuffled(options)
    }

    fn shuffled(&mut self, mut words: Vec<String>) -> String {
        let mut text = String::new();
        while !words.is_empty() {
            let n = self.random.below(words.len() as u32) as usize;
            text.push(' ');
            text.push_str(&words.swap_remove(n));
        }
        text
    }

    fn pulses(&mut self) -> String {
        // Name, widths in nanoseconds, usual rate, rates.
        let protocols: [(&str, u32, u32, u32, &[u32]); 4] = [
            ("servo", 500_000, 2_500_000, 50, &[50, 60, 333, 400, 490]),
            ("oneshot125", 60_000, 320_000, 1_000, &[50, 1_000, 2_000, 2_999]),
            ("oneshot42", 20_000, 110_000, 4_000, &[50, 4_000, 8_000, 9_000]),
            ("multishot", 2_000, 32_000, 8_000, &[50, 8_000, 16_000, 30_000]),
        ];
        let (name, least, most, usual, rates) = self.random.pick(&protocols);
        let width = least + self.random.below(most - least + 1);
        let (written, width) = match self.random.below(4) {
            0 => (String::new(), most),
            1 => (format!(" {}%", f64::from(self.random.below(1_001)) / 10.0), most),
            2 => (format!(" {width}ns"), width),
            _ => (format!(" {} us", f64::from(width) / 1_000.0), width),
        };
        let room = self.room(width + 500, usual, rates);
        let inverted = if self.random.once_in(4) { " inverted" } else { "" };
        format!("{name}{written}{inverted}{}", self.options(&room, true))
    }

    fn dshot(&mut self) -> String {
        let (kbit, usual) = self.random.pick(&[(150, 2_000), (300, 4_000), (600, 8_000), (1_200, 8_000)]);
        let value = match self.random.below(6) {
            0 => String::new(),
            1 => " idle".to_owned(),
            2 => format!(" command {}", 1 + self.random.below(47)),
            3 => format!(" {}%", f64::from(self.random.below(1_001)) / 10.0),
            _ => format!(" throttle {}", 48 + self.random.below(2_000)),
        };
        let both = self.random.once_in(3);
        // Sixteen bits and two at rest; or the answer, and the time to turn round.
        let needed = if both { 32_800_000 / kbit + 60_000 } else { 18_000_000 / kbit } + 1;
        let room = self.room(needed, usual, &[50, 400, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000]);
        let mut words = Vec::new();
        if both {
            words.push("bidirectional".to_owned());
        }
        if self.random.once_in(3) {
            words.push("telemetry".to_owned());
        }
        let words = self.shuffled(words);
        format!("dshot{kbit}{value}{words}{}", self.options(&room, true))
    }

    fn serial(&mut self) -> String {
        let baud = self.random.pick(&[9_600, 19_200, 38_400, 57_600, 100_000, 115_200, 420_000, 1_000_000]);
        let bytes: Vec<u8> = (0..1 + self.random.below(12)).map(|_| self.random.value() as u8).collect();
        let between = if self.random.once_in(2) { " " } else { "" };
        let written: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let gap = self.random.once_in(2).then(|| self.random.below(3_000));
        let frame = (bytes.len() as u64 * 10_000_000_000).div_ceil(baud) as u32;
        let room = Room { rate: None, period: frame + gap.unwrap_or(1_000) * 1_000, needed: frame + 1 };
        let gap = gap.map_or(String::new(), |us| format!(" gap {us}us"));
        let inverted = if self.random.once_in(3) { " inverted" } else { "" };
        format!("serial {baud} bytes {}{gap}{inverted}{}", written.join(between), self.options(&room, true))
    }

    fn glitches(&mut self) -> String {
        let width = 20 + self.random.below(200_000);
        let room = self.room(width + 500, 1_000, &[50, 500, 2_000, 4_500]);
        let level = self.random.pick(&["high", "low"]);
        format!("glitches {level} {width}ns{}", self.options(&room, true))
    }

    fn noise(&mut self) -> String {
        let room = self.room(0, 20_000, &[100, 5_000, 40_000, 200_000, 1_000_000]);
        format!("noise{}", self.options(&room, false))
    }

    /// A file of its own, with other lines beside the one that is played.
    fn recorded(&mut self) -> String {
        let (scale, picoseconds) =
            self.random.pick(&[("1 ps", 1u32), ("100 ps", 100), ("1 ns", 1_000), ("10 us", 10_000_000)]);
        let step = 900_000_000 / picoseconds;
        let scopes = self.random.once_in(2);
        let mut file = format!("$date today $end\n$timescale {scale} $end\n");
        if scopes {
            file.push_str("$scope module logic $end\n");
        }
        file.push_str("$var wire 1 ! D0 $end\n$var wire 1 \" \\two$words $end\n$var wire 8 # bus $end\n");
        if scopes {
            file.push_str("$upscope $end\n");
        }
        file.push_str("$enddefinitions $end\n");
        let (mut time, mut last) = (0u64, 0);
        for n in 0..1 + self.random.below(60) {
            file.push_str(&format!("#{time}\n"));
            last = time;
            for code in ['!', '"'] {
                // Each line has a value at the begin: without one the file is refused, or floats until there is one.
                if n == 0 || !self.random.once_in(3) {
                    file.push_str(&format!("{}{code}\n", self.random.pick(&['0', '1', '0', '1', 'x', 'z', 'X'])));
                }
            }
            if self.random.once_in(4) {
                file.push_str("b101 #\n");
            }
            time += u64::from(self.random.below(step));
        }
        let path = self.random.pick(&["caught.vcd", "\"two words, one file.vcd\""]);
        let name = format!("{}{}", path.trim_matches('"'), self.files.len());
        self.files.insert(name.clone(), file.into_bytes());
        let line = match (self.random.below(3), scopes) {
            (0, _) => "\\two$words",
            (1, true) => "logic.D0",
            _ => "D0",
        };
        // What is left out ends before the file does.
        let most = (last * u64::from(picoseconds) / 1_000_000).clamp(1, 5_000) as u32;
        let skip = if self.random.once_in(3) { format!(" skip {}us", self.random.below(most)) } else { String::new() };
        let mut options = Vec::new();
        if self.random.once_in(3) {
            options.push(format!("after {}us", self.random.below(20_000)));
        }
        if self.random.once_in(3) {
            options.push(format!("phase {}us", self.random.below(5_000)));
        }
        if self.random.once_in(3) {
            options.push(format!("clock {:+}ppm", self.random.below(60_001) as i32 - 30_000));
        }
        format!("vcd \"{name}\" signal {line}{skip}{}", self.shuffled(options))
    }
}
