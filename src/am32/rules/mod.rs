//! The rules: each looks at the pieces at their places and says what is wrong.

mod addresses;
mod age;
mod holes;
pub(super) mod lines;
mod names;
mod option_bytes;
mod overlap;
mod presence;
mod settings;
mod settings_page;
mod target;
mod updater;

pub(super) use age::by_bootloader_version as judge_bootloader_version;
pub use settings_page::Page as SettingsPage;

use super::findings::Finding;
use super::given::Request;
use super::layout::{Layout, Mcu};
use super::piece::Piece;
use super::roles::Role;
use crate::part::Part;
use std::sync::Arc;

/// What the rules look at.
pub(super) struct Context<'a> {
    /// The part; none where the files are for an MCU that is not modelled.
    pub part: Option<&'a Arc<Part>>,
    /// Its layout, or that MCU's.
    pub layout: &'static Layout,
    /// The MCU that is not modelled.
    pub foreign: Option<Mcu>,
    /// How the part was found.
    pub evidence: &'a str,
    /// The files, in the order given.
    pub pieces: &'a [Piece],
    /// What else the command line says.
    pub wish: &'a Request,
}

impl Context<'_> {
    /// The last piece that brings what `role` stands for: what it brings stays in flash.
    pub fn bringing(&self, role: Role) -> Option<&Piece> {
        self.pieces.iter().rev().find(|p| p.brings(role, self.layout))
    }
}

/// All that can be seen to be wrong.
pub(super) fn judge(context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    target::judge(context, &mut findings);
    age::judge(context, &mut findings);
    updater::judge(context, &mut findings);
    names::judge(context, &mut findings);
    if let Some(part) = context.part {
        addresses::judge(context, part, &mut findings);
        overlap::judge(context, part, &mut findings);
        presence::judge(context, &mut findings);
        holes::judge(context, part, &mut findings);
        settings::judge(context, &mut findings);
        settings_page::judge(context, &mut findings);
    }
    findings
}
