//! What an image tells about itself: by its bytes and its name; and by a run, where those leave a version open.

use crate::am32::marks::BootVersion;
use crate::am32::{self, Given, Piece, Plan, PlanError, Request, Role};
use crate::esc::{self, Options, PowerUp};
use crate::image::Image;
use crate::part::Part;
use std::sync::Arc;

/// The plan for one image. Nothing else is asked of it: no role is missing.
pub(super) fn plan(image: &Image, role: Option<Role>, part: Option<&Arc<Part>>) -> Result<Plan, PlanError> {
    let wish = Request { part: part.cloned(), has_state: true, ..Request::default() };
    am32::plan(vec![Given { image: image.clone(), role }], &wish)
}

/// `piece` with the versions that a run on `part` shows, where its bytes do not tell them. A run that comes to nothing
/// leaves it as it is.
pub(super) fn run(mut piece: Piece, part: &Arc<Part>) -> Piece {
    let open = |version: BootVersion| !version.is_exact();
    let bootloader = piece.info.bootloader.is_some_and(|b| open(b.version));
    let app = piece.info.app.as_ref().is_some_and(|a| a.old_version.is_none());
    if !bootloader && !app {
        return piece;
    }
    let options = Options {
        part: Some(Arc::clone(part)),
        power_ups: vec![PowerUp::decisive()],
        // Nothing else starts an app that is alone.
        from_app: piece.role == Role::App,
        ..Options::default()
    };
    let given = Given { image: piece.image.clone(), role: Some(piece.role) };
    let run = esc::check(vec![given], &options, None);
    let seen = run.ok().and_then(|(verdict, _)| verdict.pieces.into_iter().next());
    if let Some(seen) = seen {
        piece.info.seen = seen.info.seen;
    }
    piece
}
