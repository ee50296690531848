//! What several subjects need: small apps and an assembler for them, clients and where they are, servers.

pub mod apps;
pub mod asm;
pub mod bench;
pub mod clients;
pub mod gdb;
pub mod openocd;
pub mod serve;
pub mod st_flash;
pub mod stlink;
pub mod waves;
