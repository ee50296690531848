//! Values that follow a counter: `now + rate * d` modulo 2^32, where d is how much further the counter has counted.
//!
//! Each use that needs a value to stay as it is, or on its side of a bound, takes slack from the counter: how far it
//! may count before the round could differ. Where there is doubt the counter is pinned: no slack at all.

/// A register's value in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// In the round that was seen.
    pub now: u32,
    /// What it grows by with each count; 0 for a constant.
    rate: i64,
    counter: usize,
}

impl Value {
    /// A constant.
    pub const fn fixed(now: u32) -> Value {
        Value { now, rate: 0, counter: 0 }
    }
}

/// One load of a counting register.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    /// The cycle of the load.
    pub loaded: u64,
    /// The cycle of the next count.
    pub next: u64,
    /// Cycles from count to count.
    pub period: u64,
    /// How many counts further the round stays the same.
    pub slack: u64,
}

impl Counter {
    /// The cycle from which on it has counted too far.
    pub const fn leaves(&self) -> u64 {
        self.next.saturating_add(self.slack.saturating_mul(self.period))
    }
}

/// The counters of a round.
#[derive(Debug, Default)]
pub struct Counters(Vec<Counter>);

impl Counters {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Counter> {
        self.0.iter()
    }

    /// A load that gave `now`.
    pub fn load(&mut self, counter: Counter, now: u32) -> Value {
        self.0.push(counter);
        Value { now, rate: 1, counter: self.0.len() - 1 }
    }

    fn at_most(&mut self, value: Value, slack: u64) {
        if let Some(counter) = self.0.get_mut(value.counter) {
            counter.slack = counter.slack.min(slack);
        }
    }

    /// The value must not change.
    pub fn pin(&mut self, value: Value) {
        if value.rate != 0 {
            self.at_most(value, 0);
        }
    }

    /// The value stays between the same two multiples of `modulus`: no bit at or above it changes.
    pub fn keep(&mut self, value: Value, modulus: u64) {
        let low = u64::from(value.now) % modulus;
        match value.rate {
            0 => {}
            rate if rate > 0 => self.at_most(value, (modulus - 1 - low) / rate.unsigned_abs()),
            rate => self.at_most(value, low / rate.unsigned_abs()),
        }
    }

    /// The value stays zero, or stays other than zero.
    pub fn keep_zero(&mut self, value: Value) {
        match value.rate {
            0 => {}
            _ if value.now == 0 => self.pin(value),
            rate if rate > 0 => self.keep(value, 1 << 32),
            rate => self.at_most(value, u64::from(value.now - 1) / rate.unsigned_abs()),
        }
    }

    /// `x >= y`, unsigned, stays as it is.
    pub fn keep_order(&mut self, x: Value, y: Value) {
        if x.rate != 0 && y.rate != 0 {
            self.pin(x);
            self.pin(y);
            return;
        }
        let (moving, bound) = if x.rate != 0 { (x, y.now) } else { (y, x.now) };
        // Whether the moving one is on the upper side of the bound, where equal counts as x >= y.
        let upper = if x.rate != 0 { moving.now >= bound } else { moving.now > bound };
        let (now, bound) = (u64::from(moving.now), u64::from(bound));
        // The last values on this side, from the bound to the end of the range.
        let first_above = if x.rate != 0 { bound } else { bound + 1 };
        let room = match (moving.rate, upper) {
            (0, _) => return,
            (rate, true) if rate > 0 => u64::from(u32::MAX) - now,
            (rate, false) if rate > 0 => first_above - 1 - now,
            (_, true) => now - first_above,
            (_, false) => now,
        };
        self.at_most(moving, room / moving.rate.unsigned_abs());
    }

    /// A value of this counter; the rate is taken modulo 2^32, as the value is.
    fn linear(now: u32, rate: i64, counter: usize) -> Value {
        Value { now, rate: i64::from(rate as i32), counter }
    }

    /// `x + y`.
    pub fn add(&mut self, x: Value, y: Value) -> Value {
        let now = x.now.wrapping_add(y.now);
        if x.rate != 0 && y.rate != 0 && x.counter != y.counter {
            self.pin(x);
            self.pin(y);
            return Value::fixed(now);
        }
        Self::linear(now, x.rate + y.rate, if x.rate != 0 { x.counter } else { y.counter })
    }

    /// `x - y`.
    pub fn sub(&mut self, x: Value, y: Value) -> Value {
        let minus = Value { now: y.now.wrapping_neg(), rate: -y.rate, counter: y.counter };
        self.add(x, minus)
    }

    /// `x & y`.
    pub fn and(&mut self, x: Value, y: Value) -> Value {
        let (moving, mask) = if x.rate != 0 { (x, y) } else { (y, x) };
        if mask.rate == 0 && mask.now != 0 && moving.rate != 0 && (mask.now.wrapping_add(1)).is_power_of_two() {
            return self.extend(moving, mask.now.count_ones(), false);
        }
        self.pin(x);
        self.pin(y);
        Value::fixed(x.now & y.now)
    }

    /// The low `bits` bits, extended.
    pub fn extend(&mut self, x: Value, bits: u32, signed: bool) -> Value {
        let spare = 32 - bits.min(32);
        let now = if signed { ((x.now << spare) as i32 >> spare) as u32 } else { x.now << spare >> spare };
        self.keep(x, 1 << if signed { bits - 1 } else { bits });
        Self::linear(now, x.rate, x.counter)
    }

    /// `x << by`, by 0 to 31.
    pub fn shift_left(&mut self, x: Value, by: u32) -> Value {
        Self::linear(x.now << by, x.rate << by, x.counter)
    }

    /// `x >> by`, by 1 to 32.
    pub fn shift_right(&mut self, x: Value, by: u32, signed: bool) -> Value {
        let now = if signed { (x.now as i32 >> by.min(31)) as u32 } else { x.now.checked_shr(by).unwrap_or(0) };
        if x.rate == 0 {
            return Value::fixed(now);
        }
        if by < 32 && x.rate % (1 << by) == 0 {
            self.keep(x, if signed { 1 << 31 } else { 1 << 32 });
            return Self::linear(now, x.rate >> by, x.counter);
        }
        // The result stays the same for a while.
        self.keep(x, 1 << by.min(if signed { 31 } else { 32 }));
        Value::fixed(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a value is after `d` counts.
    fn after(value: Value, d: u64) -> u32 {
        (i128::from(value.now) + i128::from(value.rate) * i128::from(d)) as u32
    }

    fn counters(now: u32) -> (Counters, Value) {
        let mut counters = Counters::default();
        let counter = Counter { loaded: 0, next: 10, period: 48, slack: u64::from(u32::MAX - now) };
        let value = counters.load(counter, now);
        (counters, value)
    }

    /// Numbers with the edges among them.
    fn number() -> impl Strategy<Value = u32> {
        prop_oneof![
            any::<u32>(),
            0u32..400,
            0xFF00u32..0x1_0100,
            0x7FFF_FF00u32..0x8000_0100,
            0xFFFF_FF00u32..=u32::MAX
        ]
    }

    proptest! {
        #[test]
        fn within_the_slack_every_use_holds(now in number(), k in number(), by in 1u32..32, path in 0u8..9, d in any::<u64>()) {
            let (mut all, x) = counters(now);
            let constant = Value::fixed(k);
            let f = |x: u32| match path {
                0 => x.wrapping_add(k),
                1 => k.wrapping_sub(x),
                2 => x.wrapping_sub(k) & 0xFFFF,
                3 => x as u16 as i16 as u32,
                4 => x << by >> by,
                5 => ((x << by) as i32 >> by) as u32,
                6 => x >> by,
                7 => x & ((1 << by) - 1),
                _ => x & k,
            };
            let value = match path {
                0 => all.add(x, constant),
                1 => all.sub(constant, x),
                2 => { let v = all.sub(x, constant); all.extend(v, 16, false) }
                3 => all.extend(x, 16, true),
                4 => { let v = all.shift_left(x, by); all.shift_right(v, by, false) }
                5 => { let v = all.shift_left(x, by); all.shift_right(v, by, true) }
                6 => all.shift_right(x, by, false),
                7 => all.and(x, Value::fixed((1 << by) - 1)),
                _ => all.and(x, constant),
            };
            prop_assert_eq!(value.now, f(now));
            let slack = all.all().next().unwrap().slack;
            for d in [0, 1, slack / 2, slack.saturating_sub(1), slack, d % (slack + 1)] {
                let d = d.min(slack);
                let raw = now.wrapping_add(d as u32);
                prop_assert_eq!(after(value, d), f(raw), "after {} of {} counts", d, slack);
            }
        }

        #[test]
        fn within_the_slack_no_flag_changes(now in number(), k in number(), rate in prop_oneof![Just(1i64), Just(-1), Just(4), Just(1 << 16)], swap in any::<bool>()) {
            let flags = |x: u32, y: u32| {
                let r = x.wrapping_sub(y);
                (r >> 31, r == 0, x >= y, ((x ^ y) & (x ^ r)) >> 31)
            };
            let (mut all, mut x) = counters(0);
            x = Value { now, rate, ..x };
            let order = |v: u32| if swap { (k, v) } else { (v, k) };
            let (a, b) = if swap { (Value::fixed(k), x) } else { (x, Value::fixed(k)) };
            let r = all.sub(a, b);
            all.keep_order(a, b);
            all.keep_zero(r);
            for value in [a, b, r] {
                all.keep(value, 1 << 31);
            }
            let first = flags(order(now).0, order(now).1);
            let slack = all.all().next().unwrap().slack;
            for d in [0, 1, slack / 2, slack.saturating_sub(1), slack] {
                let v = after(x, d.min(slack));
                prop_assert_eq!(flags(order(v).0, order(v).1), first, "after {} of {} counts", d, slack);
            }
        }
    }

    #[test]
    fn a_time_out_is_waited_for_in_one_go() {
        let (mut all, x) = counters(100);
        // while (cnt - 90 < 10_000)
        let y = all.sub(x, Value::fixed(90));
        all.keep_order(y, Value::fixed(10_000));
        assert_eq!(all.all().next().unwrap().slack, 9_989);
        assert_eq!(all.all().next().unwrap().leaves(), 10 + 9_989 * 48);
    }
}
