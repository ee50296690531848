//! What happens to a running core that no debug register tells.

use crate::bus::ResetCause;
use crate::cpu::FaultKind;
use crate::time::Time;

/// What happened while the core ran, besides its halting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebugEvent {
    /// The chip reset itself.
    Reset {
        /// How.
        cause: ResetCause,
        /// The next instruction, had it gone on.
        pc: Option<u32>,
        /// When.
        time: Time,
    },
    /// An instruction faulted, and HardFault was entered.
    Fault {
        /// Why.
        fault: FaultKind,
        /// The instruction.
        pc: u32,
        /// When.
        time: Time,
    },
    /// The core locked up: a fault while handling a fault.
    Lockup {
        /// The fault that it could not handle.
        fault: Option<FaultKind>,
        /// The instruction.
        pc: u32,
        /// When.
        time: Time,
    },
    /// The core sleeps, and nothing will wake it.
    Asleep {
        /// The next instruction.
        pc: u32,
    },
    /// The core is in ST's boot loader, which is not part of the model.
    SystemMemory,
}
