//! The error numbers that gdb's protocol knows, as far as they are used.

pub(super) const EACCES: u8 = 13;
pub(super) const EFAULT: u8 = 14;
pub(super) const EBUSY: u8 = 16;
pub(super) const EINVAL: u8 = 22;
pub(super) const ENOSPC: u8 = 28;
