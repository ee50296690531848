//! dryflash: a virtual STM32 that people flash before they touch the real one.
//!
//! Rooms, each using only those above it: [`image`] (files), [`part`] (silicon as data), [`flash`] (cells,
//! controllers, option bytes), [`periph`], [`cpu`], [`chip`], [`am32`], [`esc`], [`report`], [`cli`].

pub mod am32;
pub mod bus;
pub mod chip;
pub mod cli;
pub mod cpu;
pub mod esc;
pub mod flash;
pub mod image;
pub mod memory;
pub mod part;
pub mod periph;
pub mod report;
pub mod time;
