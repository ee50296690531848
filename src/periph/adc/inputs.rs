//! What stands at the converter's inputs, and the code that each comes to.

use super::Model;
use crate::part::{self, Part};

/// External and internal channels.
pub const CHANNELS: usize = 19;

/// The analog world around the chip: millivolts and degrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// VDDA, and VBAT with it, in millivolts; 0 counts as 1.
    pub vdda_mv: u32,
    /// The die's temperature in degrees Celsius.
    pub die_celsius: i32,
    /// What stands at each channel's pin, in millivolts. Internal channels are computed instead.
    pub channel_mv: [u32; CHANNELS],
}

impl Default for Inputs {
    /// 3.3 V, 25 C, 1.0 V at channel 6 (PA6, where most AM32 boards divide the battery's voltage), 0 V elsewhere.
    fn default() -> Inputs {
        let mut channel_mv = [0; CHANNELS];
        channel_mv[6] = 1_000;
        Inputs { vdda_mv: 3_300, die_celsius: 25, channel_mv }
    }
}

/// The factory's calibration, and what a converter makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calibration {
    factory: part::Calibration,
}

impl Calibration {
    /// Of a part, from its data file.
    pub const fn of(part: &Part) -> Calibration {
        Calibration { factory: part.calibration }
    }

    /// Channels of the temperature sensor, of VREFINT and of VBAT.
    const fn internal(model: Model) -> [usize; 3] {
        match model {
            Model::F0 => [16, 17, 18],
            Model::G0 => [12, 13, 14],
        }
    }

    /// The 12-bit code of a channel, with CCR's switches of the internal ones (13.11, 15.12).
    pub fn code(&self, model: Model, channel: usize, inputs: &Inputs, ccr: u32) -> u32 {
        let vdda = i64::from(inputs.vdda_mv.max(1));
        let (hot, at_factory) = (i64::from(self.factory.hot_celsius), i64::from(self.factory.vdda_mv));
        let divider = if model == Model::F0 { 2 } else { 3 };
        let [sensor, vrefint, vbat] = Calibration::internal(model);
        let on = |bit: u32| ccr & (1 << bit) != 0;
        let (code, scale) = if channel == sensor {
            let (low, high) = (i64::from(self.factory.ts_cal1.value), i64::from(self.factory.ts_cal2.value));
            let span = hot - 30;
            let there = low * span + (high - low) * (i64::from(inputs.die_celsius) - 30);
            (if on(23) { there * at_factory } else { 0 }, span * vdda)
        } else if channel == vrefint {
            (if on(22) { i64::from(self.factory.vrefint.value) * at_factory } else { 0 }, vdda)
        } else if channel == vbat {
            (if on(24) { 4_095 } else { 0 }, divider)
        } else {
            (inputs.channel_mv.get(channel).map_or(0, |mv| i64::from(*mv) * 4_095), vdda)
        };
        // Rounded to the nearest code; beyond the supplies it saturates.
        ((code + scale / 2).div_euclid(scale)).clamp(0, 4_095) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_compute_what_was_put_in() {
        for part in crate::part::all() {
            let c = Calibration::of(part);
            let kind = part.peripheral("ADC").unwrap().kind;
            let model = if kind == crate::part::Kind::AdcF0 { Model::F0 } else { Model::G0 };
            for (vdda, celsius) in [(3_300, 25), (3_000, 85), (3_600, -20)] {
                let inputs = Inputs { vdda_mv: vdda, die_celsius: celsius, ..Inputs::default() };
                let [sensor, vrefint, vbat] = Calibration::internal(model);
                let (hot, at_factory) = if model == Model::F0 { (110.0, 3_300.0) } else { (130.0, 3_000.0) };
                // As ST's headers compute it.
                let code = f64::from(c.code(model, sensor, &inputs, u32::MAX)) * f64::from(vdda) / at_factory;
                let (low, high) = (f64::from(c.factory.ts_cal1.value), f64::from(c.factory.ts_cal2.value));
                let read = (code - low) * (hot - 30.0) / (high - low) + 30.0;
                assert!((read - f64::from(celsius)).abs() < 0.5, "{}: {read} C for {celsius}", part.name);
                let vref = f64::from(c.code(model, vrefint, &inputs, u32::MAX));
                let supply = at_factory * f64::from(c.factory.vrefint.value) / vref;
                assert!((supply - f64::from(vdda)).abs() < 3.0, "{}: {supply} mV", part.name);
                assert_eq!(c.code(model, sensor, &inputs, 0), 0, "switched off");
                assert!(c.code(model, vbat, &inputs, 1 << 24) > 1_300);
            }
            let inputs = Inputs::default();
            assert_eq!(c.code(model, 6, &inputs, 0), 1_241);
            assert_eq!(c.code(model, 3, &inputs, 0), 0);
        }
    }

    #[test]
    fn a_voltage_above_the_supply_saturates() {
        let part = crate::part::find("STM32F051K6").unwrap();
        let mut inputs = Inputs::default();
        inputs.channel_mv[3] = 5_000;
        assert_eq!(Calibration::of(&part).code(Model::F0, 3, &inputs, 0), 4_095);
        inputs.vdda_mv = 0;
        Calibration::of(&part).code(Model::F0, 3, &inputs, 0);
    }
}
