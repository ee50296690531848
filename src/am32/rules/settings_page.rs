//! What a settings page holds, field by field and fields together: tools and apps have left each of these on real ESCs.

use super::Context;
use super::lines;
use crate::am32::advice::Advice;
use crate::am32::command::{Command, Word};
use crate::am32::eeprom::BootByte;
use crate::am32::findings::{Finding, Id, Severity};
use crate::am32::layout::Layout;
use crate::am32::names::Firmware;
use crate::am32::roles::Role;
use crate::am32::settings::{Field, Kind, NEWEST, Settings, Value, default_page};
use std::path::Path;

/// Settings, and what is known of where they stand.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The firmware that runs on them, where it is known.
    pub firmware: Option<Firmware>,
    /// The file that holds them, as it was given; none where an app has left them.
    pub file: Option<&'a str>,
    /// Where they go, where that is known.
    pub layout: Option<&'a Layout>,
}

pub(super) fn judge(context: &Context, findings: &mut Vec<Finding>) {
    let address = context.layout.eeprom;
    let Some(piece) = context.pieces.iter().rev().find(|p| p.image.byte(address).is_some()) else { return };
    if !piece.brings(Role::Eeprom, context.layout) || piece.is_mistaken().is_some() {
        return;
    }
    let Some(settings) = &piece.info.eeprom else { return };
    let firmware = context.bringing(Role::App).and_then(|app| app.info.firmware());
    // A page alone is one of any part.
    let known = context.wish.part.is_some() || context.pieces.len() > 1;
    let layout = Some(context.layout).filter(|_| known);
    let page = Page { settings, firmware, file: Some(&piece.image.name), layout };
    findings.extend(page.findings().into_iter().map(|f| f.file(&piece.image.name).at(address)));
}

impl Page<'_> {
    /// What is wrong with the settings, or worth knowing; nothing of a page that no app gets to see.
    pub fn findings(&self) -> Vec<Finding> {
        let s = self.settings;
        let zero = s.bytes().iter().all(|b| *b == 0);
        if zero || !matches!(s.boot(), BootByte::Ready | BootByte::CutOff) {
            return Vec::new();
        }
        // Of bytes that were never written each would be odd.
        if let Some(finding) = self.never_written() {
            return if s.boot() == BootByte::Ready { vec![finding] } else { Vec::new() };
        }
        let tuning = self.name_over_settings().or_else(|| self.spoilt());
        let ramp = if tuning.is_none() { self.ramp() } else { None };
        let single = [self.poles(), self.cut_off(), self.auto_advance(), self.can(), self.unknown_layout()];
        let mut findings: Vec<Finding> = tuning.into_iter().chain(ramp).chain(single.into_iter().flatten()).collect();
        findings.extend(self.overridden());
        findings.extend(self.out_of_range(&findings));
        findings
    }

    /// The same of a page by itself, with what a bootloader makes of its first byte.
    pub fn alone(&self) -> Vec<Finding> {
        self.start().into_iter().chain(self.findings()).collect()
    }

    /// Why no bootloader starts the app on it.
    fn start(&self) -> Option<Finding> {
        let s = self.settings;
        let (id, message) = match s.boot() {
            BootByte::Ready => return None,
            _ if s.bytes().iter().all(|b| *b == 0) => (
                Id::BOOT_BYTE_OTHER,
                "the page is 00 all through, the boot byte as well: it holds no settings, and the app is not started"
                    .to_owned(),
            ),
            BootByte::Blank => {
                (Id::EEPROM_BLANK, "the boot byte is FF: the bootloader expects 01 and never starts the app".to_owned())
            }
            BootByte::CutOff => (
                Id::BOOT_BYTE_CUT_OFF,
                "the boot byte is 00, as an update leaves it that was cut off: the app is not started".to_owned(),
            ),
            BootByte::Other(byte) => (
                Id::BOOT_BYTE_OTHER,
                format!("the boot byte is {byte:02X}: the bootloader expects 01 and never starts the app"),
            ),
        };
        // Settings that are whole but for the byte are kept.
        let whole = self.file.is_some() && s.boot() == BootByte::CutOff && id == Id::BOOT_BYTE_CUT_OFF && !s.is_blank();
        let advice = if whole {
            Advice::from("let a configurator flash the app again; where the app is whole, set it") + self.fix(["boot"])
        } else {
            self.new_page()
        };
        Some(Finding::new(id, message, advice))
    }

    fn byte(&self, name: &str) -> Option<u8> {
        self.settings.number(name)
    }

    /// No settings behind a boot byte that starts the app, or what an app made of such a page.
    fn never_written(&self) -> Option<Finding> {
        let blank = |name: &str| self.byte(name) == Some(0xFF);
        if !["motor_kv", "motor_poles", "startup_power", "brake_on_stop"].into_iter().all(blank) {
            return None;
        }
        let how = if self.settings.is_blank() {
            "the boot byte lets the app start, and no settings stand behind it: AM32's apps take FF bytes for settings"
        } else {
            "an app took FF bytes for settings and wrote them back"
        };
        // Firmware before 2.17 takes 1 alone as on, and before 2.19 a name stands where P, I and D are.
        let since = |minor| Firmware { major: 2, minor };
        let come = [
            ("bi_direction", since(17), "bi_direction counts as on"),
            ("rc_car_reverse", since(17), "rc_car_reverse counts as on"),
            ("current_p", since(19), "P, I and D of the current limit are 255"),
        ];
        let written = self.settings.firmware().filter(|f| f.major < 10);
        let runs = |from: Firmware| self.firmware.or(written).is_none_or(|f| f >= from);
        let come = come.into_iter().filter(|(name, from, _)| blank(name) && runs(*from));
        let come = come.map(|(.., text)| format!("{text}, "));
        let message = format!("{how}: {}motor_poles is 255", come.collect::<String>());
        Some(Finding::new(Id::SETTINGS_SPOILT, message, self.new_page()))
    }

    /// A name written over what are settings from layout 3 on. Byte 7, a switch, is never a character.
    fn name_over_settings(&self) -> Option<Finding> {
        let bytes = self.settings.bytes().get(5..17).filter(|_| self.settings.has_tuning())?;
        let printable = |b: &u8| *b == b' ' || b.is_ascii_graphic();
        if !bytes[..3].iter().all(printable) || !bytes[3..].iter().all(|b| printable(b) || matches!(b, 0 | 0xFF)) {
            return None;
        }
        let text: String = bytes.iter().take_while(|b| printable(b)).map(|b| char::from(*b)).collect();
        let says = |name: &str| self.settings.value(name).map_or_else(String::new, |v| format!("{name} is {}", v.text));
        let message = format!(
            "'{}' was written as a name over bytes 5 to 16, which are settings in layout {}: {}, {}, {}",
            text.trim_end(),
            self.settings.layout(),
            says("max_ramp"),
            says("minimum_duty_cycle"),
            says("active_brake_power")
        );
        let advice = Advice::from("set them again with a tool that knows this layout") + self.fix(self.tuning());
        Some(Finding::new(Id::SETTINGS_NAME, message, advice))
    }

    /// Bytes 5 to 12 that were never written.
    fn spoilt(&self) -> Option<Finding> {
        let blank = |name| self.byte(name) == Some(0xFF);
        if !self.settings.has_tuning() || !["current_p", "current_i", "current_d"].into_iter().all(blank) {
            return None;
        }
        let brake = if blank("active_brake_power") { ", the active brake 255 %" } else { "" };
        let message = format!("P, I and D of the current limit are 255{brake}: these bytes were never written");
        // What is sound stays.
        let spoilt = |name: &&str| {
            let value = self.settings.value(name);
            value.is_some_and(|v| v.doubt.is_some() || v.raw.iter().all(|b| *b == 0xFF))
        };
        let advice = Advice::from("set them") + self.fix(self.tuning().filter(spoilt));
        Some(Finding::new(Id::SETTINGS_SPOILT, message, advice))
    }

    /// Whether the firmware that runs on it has a name in bytes 5 to 16.
    fn is_before_tuning(&self) -> bool {
        self.firmware.is_some_and(|f| f < Firmware { major: 2, minor: 19 })
    }

    fn ramp(&self) -> Option<Finding> {
        if self.is_before_tuning() || self.byte("max_ramp") != Some(0) {
            return None;
        }
        let message = "max_ramp is 0: the throttle never ramps up, and the motor does not spin";
        Some(Finding::new(Id::SETTINGS_RAMP, message, Advice::from("set it") + self.fix(["max_ramp"])))
    }

    fn poles(&self) -> Option<Finding> {
        let poles = self.byte("motor_poles")?;
        // ARK32, which counts from 3.0, divides otherwise.
        let ark = self.firmware.or(self.settings.firmware()).is_some_and(|f| f.major >= 3);
        let (message, severity) = match poles {
            0 => ("the firmware divides by it".to_owned(), Severity::Warning),
            33..=128 if ark => return None,
            33.. => (format!("the firmware divides by 32 / {poles}, which is 0 in whole numbers"), Severity::Warning),
            _ if poles % 2 == 1 => ("a motor has an even number of magnets".to_owned(), Severity::Note),
            _ => return None,
        };
        let message = format!("motor_poles is {poles}: {message}, so what depends on the motor's speed is wrong");
        let advice = Advice::from("count the magnets of the motor's bell, and set that") + self.fix(["motor_poles"]);
        Some(Finding::new(Id::SETTINGS_POLES, message, advice).as_bad_as(severity))
    }

    /// A low-voltage cut-off that no battery reaches.
    fn cut_off(&self) -> Option<Finding> {
        let (name, of) = match self.byte("low_voltage_cut_off")? {
            1 => ("low_cell_volt_cutoff", "a cell"),
            2 => ("absolute_voltage_cutoff", "the battery"),
            _ => return None,
        };
        let value = self.settings.value(name).filter(|v| v.byte() > 100)?;
        let message = format!(
            "the motor is cut off below {} of {of} ({name}), which is above any battery's: it stops seconds after the start",
            value.text
        );
        let advice = Advice::from("set it, or switch low_voltage_cut_off off") + self.fix([name]);
        Some(Finding::new(Id::SETTINGS_CUT_OFF, message, advice))
    }

    fn auto_advance(&self) -> Option<Finding> {
        let byte = self.byte("auto_advance").filter(|b| *b > 1)?;
        let character = if byte == b'1' { ", the character '1' of an older tool" } else { "" };
        let message = format!("auto_advance is {byte:02X}{character}: firmware from 2.16 on takes it as on");
        let advice = Advice::from("say what you want") + self.fix(["auto_advance"]);
        Some(Finding::new(Id::SETTINGS_AUTO_ADVANCE, message, advice))
    }

    /// Characters in the bytes for CAN, by the switches among them.
    fn can(&self) -> Option<Finding> {
        let names = ["can_require_arming", "can_require_zero_throttle", "can_term_enable"];
        let odd = |name: &&str| self.byte(name).is_some_and(|b| !matches!(b, 0 | 1 | 0xFF));
        let odd: Vec<&str> = names.into_iter().filter(|n| odd(n)).collect();
        if odd.is_empty() {
            return None;
        }
        let bytes = self.settings.bytes().get(176..184)?;
        let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02X}")).collect();
        let message = format!(
            "the settings for CAN hold {}, as text does: node {}, and {} neither on nor off",
            hex.join(" "),
            bytes[0],
            odd.join(", ") + if odd.len() == 1 { " is" } else { " are" }
        );
        let can = Field::all().iter().filter(|f| f.name.starts_with("can_") && f.size == 1).map(|f| f.name);
        let (severity, advice) = if self.byte("input_type") == Some(5) {
            (Severity::Warning, Advice::from("set them, to DroneCAN's defaults") + self.fix(can))
        } else {
            (Severity::Note, Advice::from("an ESC without CAN does not look at them; as never set") + self.fix(can))
        };
        Some(Finding::new(Id::SETTINGS_CAN, message, advice).as_bad_as(severity))
    }

    fn unknown_layout(&self) -> Option<Finding> {
        let layout = Some(self.settings.layout()).filter(|l| *l > NEWEST && *l != 0xFF)?;
        let message = format!("layout {layout} is newer than any that is known: it is read as layout {NEWEST}");
        let advice = "take a newer dryflash, or check that the file is what you meant";
        Some(Finding::new(Id::SETTINGS_LAYOUT, message, advice))
    }

    /// Settings that others override.
    fn overridden(&self) -> Vec<Finding> {
        let on = |name| self.byte(name).is_some_and(|b| b != 0);
        let (car, sine) = (on("rc_car_reverse"), on("use_sine_start"));
        let mut told = Vec::new();
        if car && self.byte("bi_direction") == Some(0) {
            told.push("rc_car_reverse is on, so that the firmware takes bi_direction as on, which is off here");
        }
        if sine && !car && self.byte("comp_pwm") == Some(0) {
            told.push("use_sine_start is on, and the firmware switches it off, because comp_pwm is off");
        }
        let finding =
            |text| Finding::new(Id::SETTINGS_OVERRIDDEN, text, "nothing has to be done, if that is what you want");
        told.into_iter().map(finding).collect()
    }

    /// What is left of what makes no sense.
    fn out_of_range(&self, told: &[Finding]) -> Option<Finding> {
        let has = |id| told.iter().any(|f| f.id == id);
        let tuning =
            self.is_before_tuning() || has(Id::SETTINGS_NAME) || has(Id::SETTINGS_SPOILT) || has(Id::SETTINGS_RAMP);
        let known = |v: &Value| match v.field.name {
            "boot" | "layout" | "bootloader" | "firmware_major" | "firmware_minor" | "name" => true,
            _ if v.field.at < 17 && tuning => true,
            "motor_poles" => has(Id::SETTINGS_POLES) || v.byte() > 32,
            "auto_advance" => has(Id::SETTINGS_AUTO_ADVANCE),
            "low_cell_volt_cutoff" | "absolute_voltage_cutoff" => has(Id::SETTINGS_CUT_OFF),
            name => name.starts_with("can_") && has(Id::SETTINGS_CAN),
        };
        let values = self.settings.values();
        let odd: Vec<String> = values
            .iter()
            .filter(|v| !known(v))
            .filter_map(|v| Some(format!("{} is {} ({})", v.field.name, v.text, v.doubt.as_ref()?)))
            .collect();
        let names = values.iter().filter(|v| v.doubt.is_some() && !known(v)).map(|v| v.field.name);
        let advice = Advice::from("set them") + self.fix(names);
        (!odd.is_empty()).then(|| Finding::new(Id::SETTINGS_RANGE, odd.join("; "), advice))
    }

    /// The names of what stands in bytes 5 to 16.
    fn tuning(&self) -> impl Iterator<Item = &'static str> + use<> {
        let layout = self.settings.layout();
        Field::all().iter().filter(move |f| (5..17).contains(&f.at) && f.is_in(layout)).map(|f| f.name)
    }

    /// The command that sets these fields to what a fresh page holds.
    fn fix<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Advice {
        let Some(file) = self.file else { return Advice::from("; a fresh page: ") + self.new_page() };
        let mut fresh = default_page(self.settings.layout().min(NEWEST), Firmware { major: 0, minor: 0 });
        // Where CAN is the input, what is set for it is not what an ESC without CAN has.
        let on_can = self.byte("input_type") == Some(5);
        for field in Field::all().iter().filter(|f| on_can && f.name.starts_with("can_")) {
            if let (Some(value), Some(byte)) = (field.can, fresh.get_mut(field.at)) {
                *byte = value;
            }
        }
        let Ok(fresh) = Settings::read(&fresh) else { return Advice::default() };
        let set = names.into_iter().filter_map(|name| fresh.value(name)).map(|v| Word::plain(assignment(&v)));
        let fixed = Path::new(file).extension().and_then(|e| e.to_str()).filter(|e| e.eq_ignore_ascii_case("hex"));
        let head = ["dryflash", "eeprom", "set"].map(Word::plain).into_iter().chain([Word::file(file)]);
        let end = [Word::plain("-o"), Word::file(format!("fixed.{}", fixed.unwrap_or("bin")))];
        Advice::from(": ") + Command::new(head.chain(set).chain(end))
    }

    fn new_page(&self) -> Advice {
        let make = || lines::new_page(Word::Blank("<PART>".to_owned()), self.firmware, lines::NEW_PAGE);
        let new = self.layout.and_then(|layout| lines::new_page_of(layout, self.firmware));
        Advice::from("make one and write it: ") + new.unwrap_or_else(make)
    }
}

/// A field and its value, as `dryflash eeprom set` takes it: a word without spaces.
fn assignment(value: &Value) -> String {
    let text = match value.number {
        Some(number) => number.to_string(),
        None if value.field.kind == Kind::Bytes => value.raw.iter().map(|b| format!("{b:02X}")).collect(),
        None => value.text.replace(' ', "-"),
    };
    format!("{}={text}", value.field.name)
}

#[cfg(test)]
mod tests;
