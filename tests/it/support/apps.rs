//! Small apps of our own behind a stand-in bootloader, and what is seen of them.

use super::asm::*;
use dryflash::am32::{Given, Id, Role, Severity};
use dryflash::cpu::hybrid::Engine;
use dryflash::esc::alive::{Alive, Loop, Stand, Works};
use dryflash::esc::{Ending, Options, PowerUp, Verdict, check};
use dryflash::image::Image;
use dryflash::time::Time;
use std::collections::HashMap;
use std::path::Path;

pub const APP: u32 = 0x0800_1000;
pub const VECTORS: usize = 48;
pub const SETTINGS: u32 = 0x0800_7C00;
pub const SRAM: u32 = 0x2000_0000;

pub const APB2ENR: u32 = 0x4002_1018;
pub const APB1ENR: u32 = 0x4002_101C;
pub const IWDG: u32 = 0x4000_3000;
pub const TIM6: u32 = 0x4000_1000;
pub const ADC: u32 = 0x4001_2400;
pub const FLASH: u32 = 0x4002_2000;
pub const AHBENR: u32 = 0x4002_1014;
pub const GPIOB: u32 = 0x4800_0400;
pub const EXTI: u32 = 0x4001_0400;

/// How often TIM6 comes round.
pub const PERIOD: Time = Time::from_micros(500);

/// TIM6 with a period of 500 us; the stand-in bootloader leaves 48 MHz.
pub fn ticking() -> Item {
    let set = |offset, value: u32| poke(TIM6 + offset, value);
    Item::Many(vec![poke(APB1ENR, 1 << 4), set(0x28, 47), set(0x2C, 499), set(0x14, 1), set(0x10, 0), set(0x00, 1)])
}

/// Waits for `periods` of TIM6; uses R2 to R4.
pub fn pause(periods: u16) -> Item {
    Item::Many(vec![movs(4, periods), bl("pause")])
}

/// What [`pause`] calls.
pub fn pause_code() -> Item {
    Item::Many(vec![
        label("pause"),
        lit(2, TIM6),
        label("not yet"),
        ldr(3, 2, 0x10),
        cmp(3, 0),
        beq("not yet"),
        movs(3, 0),
        str(3, 2, 0x10),
        subs(4, 1),
        bne("not yet"),
        bx(LR),
    ])
}

/// Feeds the watchdog at the instruction with this name.
pub fn feed(name: &'static str) -> Item {
    Item::Many(vec![lit(0, IWDG), lit(1, 0xAAAA), label(name), str(1, 0, 0)])
}

/// A main loop that feeds the watchdog every 500 us.
pub fn main_loop() -> Item {
    Item::Many(vec![label("round"), feed("feed"), pause(1), b("round"), pause_code()])
}

/// Waits for a conversion that was never started.
pub fn hang() -> Item {
    Item::Many(vec![
        poke(APB2ENR, 1 << 9),
        lit(0, ADC),
        movs(2, 4),
        label("hung"),
        ldr(1, 0, 0),
        raw(0x4211), // tst r1, r2
        beq("hung"),
        b("hung"),
    ])
}

/// Vectors in SRAM, as AM32's apps for this part have them, and interrupts on.
pub fn interrupts() -> Item {
    Item::Many(vec![
        lit(0, APP),
        lit(1, SRAM),
        movs(2, VECTORS as u16),
        label("copy"),
        ldm(0, &[3]),
        stm(1, &[3]),
        subs(2, 1),
        bne("copy"),
        poke(APB2ENR, 1),
        poke(0x4001_0000, 3),
        cpsie(),
    ])
}

/// A verdict on an app, and where its labels are.
pub struct Seen {
    pub verdict: Verdict,
    pub labels: HashMap<&'static str, u32>,
}

/// Vectors, the program, and a name tag; and where its labels are.
pub fn image(base: u32, program: &[Item]) -> (Vec<u8>, HashMap<&'static str, u32>) {
    let Assembled { code, labels } = assemble(base + 4 * VECTORS as u32, program);
    let mut vectors = [0u32; VECTORS];
    vectors[0] = SRAM + 0x1000;
    for (name, number) in [("start", 1), ("hard fault", 3), ("systick", 15), ("tim6", 16 + 17)] {
        vectors[number] = labels.get(name).map_or(0, |address| address | 1);
    }
    let mut tag = [0u8; 32];
    tag[..9].copy_from_slice(b"TEST_F051");
    (vectors.iter().flat_map(|v| v.to_le_bytes()).chain(code).chain(tag).collect(), labels)
}

/// The files on an F051, powered with the signal low.
pub fn judge(files: Vec<(Image, Role)>, watched_ms: u64, engine: Engine) -> Verdict {
    judge_with(files, Options { engine, ..options(watched_ms) })
}

/// An F051, powered with the signal low, whose app is watched for so long.
pub fn options(watched_ms: u64) -> Options {
    Options {
        part: Some(dryflash::part::find("F051").expect("a part that is modelled")),
        power_ups: vec![PowerUp::decisive()],
        app_limit: Time::from_millis(watched_ms),
        ..Options::default()
    }
}

/// The verdict on these files.
pub fn judge_with(files: Vec<(Image, Role)>, options: Options) -> Verdict {
    let files = files.into_iter().map(|(image, role)| Given { image, role: Some(role) }).collect();
    check(files, &options, None).expect("the files fit").0
}

pub fn built(name: &str) -> Image {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name);
    Image::load(&path, None).expect("the stand-in firmware is in the repository")
}

pub fn bin(bytes: &[u8]) -> Image {
    Image::parse("own.bin", bytes, None).expect("a .bin")
}

pub fn look(program: &[Item], watched_ms: u64, engine: Engine) -> Seen {
    let (app, labels) = image(APP, program);
    let files = vec![
        (built("STANDIN_F051_BOOTLOADER_PB4_V14.bin"), Role::Bootloader),
        (bin(&app), Role::App),
        (built("STANDIN_EEPROM_V2_1K.bin"), Role::Eeprom),
    ];
    Seen { verdict: judge(files, watched_ms, engine), labels }
}

/// A program watched for 1.5 s, as by default.
pub fn watch(program: &[Item]) -> Seen {
    look(program, 1_500, Engine::Auto)
}

impl Seen {
    pub fn ending(&self) -> &Ending {
        &self.verdict.runs[0].ending
    }

    pub fn alive(&self) -> Option<&Alive> {
        self.verdict.runs[0].app.as_ref().expect("the app was reached").alive.as_ref()
    }

    #[track_caller]
    pub fn main_loop(&self) -> &Loop {
        match self.alive() {
            Some(Alive::Loop(found)) => found,
            other => panic!("{other:?}, {:?}", self.ending()),
        }
    }

    #[track_caller]
    pub fn works(&self) -> &Works {
        match self.alive() {
            Some(Alive::Works(works)) => works,
            other => panic!("{other:?}, {:?}", self.ending()),
        }
    }

    #[track_caller]
    pub fn hung(&self) -> &Stand {
        match (self.alive(), self.ending()) {
            (Some(Alive::Hung(stand)), Ending::AppHangs { .. }) => stand,
            other => panic!("{other:?}"),
        }
    }

    /// What is told of an app that is undecided.
    #[track_caller]
    pub fn undecided(&self) -> &str {
        assert!(matches!(self.ending(), Ending::AppUndecided { .. }), "{:?}, {:?}", self.ending(), self.alive());
        let told = self.error(Id::RUN_APP_SILENT);
        assert!(told.starts_with("undecided: the app runs, but not in a main loop: "), "{told}");
        told
    }

    /// Time since the app's first instruction.
    pub fn lived(&self) -> Time {
        let run = &self.verdict.runs[0];
        run.time_us - run.jump.expect("it jumped").time_us
    }

    /// Id and text of the findings that are errors or warnings.
    pub fn findings(&self) -> Vec<(Id, Severity, &str)> {
        let told = self.verdict.findings.iter().filter(|f| f.severity > Severity::Note);
        told.map(|f| (f.id, f.severity, f.message.as_str())).collect()
    }

    /// The only error, which says why the ESC would not start.
    #[track_caller]
    pub fn error(&self, id: Id) -> &str {
        assert!(!self.verdict.starts());
        let errors: Vec<_> = self.findings().into_iter().filter(|f| f.1 == Severity::Error).collect();
        assert!(matches!(errors[..], [(one, ..)] if one == id), "{errors:?}");
        errors[0].2
    }
}

/// The vectors in SRAM, TIM6 interrupting every 500 us, and its handler "tim6": what `handler` does, and R4 counts.
pub fn by_interrupts(thread: Vec<Item>, handler: Vec<Item>) -> Vec<Item> {
    let start = vec![
        label("start"),
        interrupts(),
        poke(AHBENR, 1 << 18),
        ticking(),
        poke(TIM6 + 0x0C, 1),
        poke(0xE000_E100, 1 << 17),
    ];
    [start, thread, vec![label("tim6"), poke(TIM6 + 0x10, 0)], handler, vec![bx(LR)]].concat()
}

/// Turns PB5 over.
pub fn toggle() -> Item {
    Item::Many(vec![lit(0, GPIOB), ldr(1, 0, 0x14), movs(2, 0x20), raw(0x4051), label("toggle"), str(1, 0, 0x14)])
}

/// Goes nowhere.
pub fn spin() -> Item {
    Item::Many(vec![label("spin"), b("spin")])
}

/// Waits until the flash is ready; R0 is its base. Uses R2 and R3.
pub fn flash_ready(name: &'static str) -> Item {
    Item::Many(vec![label(name), ldr(2, 0, 0x0C), movs(3, 1), raw(0x421A), bne(name)])
}

/// Sets a byte of the copy in SRAM.
fn patch(at: u32, byte: u16) -> Item {
    Item::Many(vec![lit(0, SRAM + 0x400 + at), movs(1, byte), strb(1, 0, 0)])
}

/// An app that rewrites its settings as firmware 2.21.
pub fn rewriting() -> Vec<Item> {
    vec![
        label("start"),
        // The page into SRAM, with layout 4 and firmware 2.21.
        lit(0, SETTINGS),
        lit(1, SRAM + 0x400),
        lit(2, 256),
        label("save"),
        ldm(0, &[3]),
        stm(1, &[3]),
        subs(2, 1),
        bne("save"),
        patch(1, 4),
        patch(3, 2),
        patch(4, 21),
        // Unlock, erase.
        lit(0, FLASH),
        lit(1, 0x4567_0123),
        str(1, 0, 0x04),
        lit(1, 0xCDEF_89AB),
        str(1, 0, 0x04),
        movs(1, 2),
        str(1, 0, 0x10),
        lit(1, SETTINGS),
        str(1, 0, 0x14),
        movs(1, 0x42),
        str(1, 0, 0x10),
        flash_ready("erasing"),
        // Half-word by half-word.
        movs(1, 1),
        str(1, 0, 0x10),
        lit(4, SETTINGS),
        lit(5, SRAM + 0x400),
        lit(6, 512),
        label("write"),
        ldrh(1, 5, 0),
        strh(1, 4, 0),
        flash_ready("programming"),
        adds(4, 2),
        adds(5, 2),
        subs(6, 1),
        bne("write"),
        ticking(),
        main_loop(),
    ]
}
