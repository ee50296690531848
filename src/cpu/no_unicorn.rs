//! What stands for Unicorn in a build without it: it cannot be opened, and the interpreter does all the work.

use super::{Bus, Core, Registers, Stop};
use crate::part;
use std::ops::Range;

/// Unicorn was asked for by name, and is not in this build.
#[derive(Debug, thiserror::Error)]
#[error("this build of dryflash has no Unicorn; its interpreter gives the same runs")]
pub struct EngineError(());

/// No value of this type exists.
pub enum UnicornCore {}

impl UnicornCore {
    /// There is none to open.
    ///
    /// # Errors
    /// Always.
    pub fn new(_: part::Core, _: u32, _: &Range<u32>, _: &[Range<u32>]) -> Result<UnicornCore, EngineError> {
        Err(EngineError(()))
    }

    pub(super) fn set_instructions(&mut self, _: u64) {
        match *self {}
    }

    pub(super) const fn left(&mut self) -> bool {
        match *self {}
    }

    pub(super) fn take_changed(&mut self) -> Option<Range<u32>> {
        match *self {}
    }
}

impl Core for UnicornCore {
    fn run(&mut self, _: &mut dyn Bus, _: u64) -> Stop {
        match *self {}
    }

    fn cycle(&self) -> u64 {
        match *self {}
    }

    fn set_cycle(&mut self, _: u64) {
        match *self {}
    }

    fn registers(&self) -> Registers {
        match *self {}
    }

    fn primask(&self) -> bool {
        match *self {}
    }

    fn set_registers(&mut self, _: &Registers) {
        match *self {}
    }

    fn remap(&mut self, _: &dyn Bus) {
        match *self {}
    }

    fn invalidate(&mut self, _: Range<u32>) {
        match *self {}
    }

    fn watch(&mut self, _: &[Range<u32>]) {
        match *self {}
    }

    fn stop_inside(&mut self, _: &[Range<u32>]) {
        match *self {}
    }

    fn instructions(&self) -> u64 {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::esc::CheckError;
    use std::error::Error;

    #[test]
    fn who_asks_for_unicorn_is_told_once() {
        let error = UnicornCore::new(part::Core::M0, 4, &(0..0), &[]).err().map(CheckError::from).unwrap();
        assert_eq!(error.to_string(), "this build of dryflash has no Unicorn; its interpreter gives the same runs");
        assert!(error.source().is_none(), "{:?}", error.source());
    }
}
