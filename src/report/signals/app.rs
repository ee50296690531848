//! `signals --arming`: what the app makes of the protocols.

use crate::esc::signals::AppSide;
use crate::report::Style;
use crate::report::columns::wrap;
use std::fmt::Write;

/// A line for each protocol, under a heading.
pub(super) fn text(app: &[AppSide], style: Style, out: &mut String) {
    let _ = writeln!(
        out,
        "\n{}",
        style.heading("the app, at idle throttle first and then at 12 %; times from its first instruction on")
    );
    if app.is_empty() {
        wrap("The bootloader does not start it on a low wire.", "  ", "  ", style.width, out);
    }
    let names = app.iter().map(|a| a.protocol.len()).max().unwrap_or(0);
    for side in app {
        let word = match (side.arming.arms(), &side.why) {
            (true, _) => style.good("arms"),
            // That is as it has to be, or was set so.
            (false, Some(_)) => "does not arm".to_owned(),
            (false, None) => style.bad("does not arm"),
        };
        let head = format!("  {:<names$}  {word}", side.protocol);
        wrap(&in_words(side), &format!("{head}: "), "      ", style.width, out);
    }
}

/// All of it in a line.
pub(super) fn in_a_line(app: &[AppSide], style: Style, out: &mut String) {
    let of = |arms| app.iter().filter(|a| a.arming.arms() == arms).map(|a| a.protocol).collect::<Vec<_>>().join(", ");
    let line = match (of(true), of(false)) {
        (on, off) if on.is_empty() && off.is_empty() => {
            style.bad("The bootloader does not start the app on a low wire.")
        }
        (on, off) if on.is_empty() => style.bad(&format!("The app arms on none of {off}.")),
        (on, off) if off.is_empty() => format!("The app arms on {on}."),
        (on, off) => format!("The app arms on {on}; not on {off}."),
    };
    wrap(&line, "", "  ", style.width, out);
}

/// What was seen; times from the app's first instruction on.
fn in_words(side: &AppSide) -> String {
    let AppSide { arming, jump_us, raised_us, .. } = side;
    let mut told: Vec<String> = Vec::new();
    match &arming.input {
        None => told.push("no input is set up".to_owned()),
        Some(input) => {
            let found = arming.found_us.map_or_else(String::new, |t| format!(" after {}", t.since(*jump_us)));
            let both = if input.bidirectional { ", and answers later" } else { "" };
            told.push(format!("reads {} on {} ({}){found}{both}", input.kind, input.pin, input.through));
        }
    }
    if let Some(time) = arming.tone_us {
        told.push(format!("it takes idle throttle, and says so with a tone, after {}", time.since(*jump_us)));
    }
    match (arming.armed_with_idle_us, arming.armed_without) {
        (Some(time), false) => {
            let (whole, late) = (time.since(*jump_us), time.since(*raised_us));
            told.push(format!("the bridge comes on after {whole}, {late} after the throttle rises"));
        }
        (Some(_), true) => told.push("the bridge comes on without idle throttle as well".to_owned()),
        (None, true) => told.push("the bridge comes on without idle throttle, and not with it".to_owned()),
        (None, false) => told.push("the bridge stays off".to_owned()),
    }
    if let Some(time) = arming.reset_when_lost_us {
        told.push(format!("it resets {time} after the signal is lost"));
    }
    told.extend(side.why.clone());
    told.join("; ")
}
