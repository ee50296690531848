//! dryflash
