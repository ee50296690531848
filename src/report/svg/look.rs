//! How kinds of regions look: colours for light and dark, and hatches for those who do not see colours.

use crate::layout::map::Kind;
use std::fmt::Write;

/// Every kind, in the order of the legend.
const KINDS: [Kind; 13] = [
    Kind::Bootloader,
    Kind::DeviceInfo,
    Kind::App,
    Kind::NameTag,
    Kind::Settings,
    Kind::Data,
    Kind::Filled,
    Kind::Overlap,
    Kind::Lost,
    Kind::Gap,
    Kind::Free,
    Kind::Outside,
    Kind::OptionBytes,
];

/// The kind's name in classes: as in JSON.
pub const fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Bootloader => "bootloader",
        Kind::DeviceInfo => "device_info",
        Kind::App => "app",
        Kind::NameTag => "name_tag",
        Kind::Settings => "settings",
        Kind::Data => "data",
        Kind::Filled => "filled",
        Kind::Overlap => "overlap",
        Kind::Lost => "lost",
        Kind::Gap => "gap",
        Kind::Free => "free",
        Kind::Outside => "outside",
        Kind::OptionBytes => "option_bytes",
    }
}

/// Its colours on light and on dark. Of each, text of [`on`]'s colour stands out by 4.5 to 1 or more.
const fn colours(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::Bootloader => ["#2f6fb5", "#5b9be6"],
        Kind::DeviceInfo => ["#123d6b", "#cfe3ff"],
        Kind::App => ["#2a763e", "#58b570"],
        Kind::NameTag => ["#0f4a20", "#d5f5dc"],
        Kind::Settings => ["#8a5d00", "#e0a82e"],
        Kind::Data => ["#6b5b95", "#a898d8"],
        Kind::Overlap | Kind::Lost | Kind::Outside => ["#b3261e", "#ff7b72"],
        Kind::Filled => ["#c8ccd2", "#3a414a"],
        Kind::Gap => ["#e1e4e8", "#2b3138"],
        Kind::Free | Kind::OptionBytes => ["#f6f7f9", "#161b21"],
    }
}

/// The class of text on it.
pub const fn on(kind: Kind) -> &'static str {
    match kind {
        Kind::Filled | Kind::Gap | Kind::Free | Kind::OptionBytes => "dfm-text",
        _ => "dfm-on",
    }
}

/// The hatch by which a kind is known without its colour.
pub const fn hatch(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::App => Some("rising"),
        Kind::Settings => Some("level"),
        Kind::Data => Some("dots"),
        Kind::Overlap | Kind::Outside => Some("crossed"),
        Kind::Lost => Some("falling"),
        Kind::Gap => Some("points"),
        Kind::Filled => Some("dashes"),
        Kind::Bootloader | Kind::DeviceInfo | Kind::NameTag | Kind::Free | Kind::OptionBytes => None,
    }
}

/// The hatches as patterns, whose ids begin with `prefix`.
pub fn hatches(prefix: &str, out: &mut String) {
    out.push_str("<defs>");
    for (name, class, path) in [
        ("rising", "dfm-line", "M0 8L8 0"),
        ("falling", "dfm-line", "M0 0L8 8"),
        ("crossed", "dfm-line", "M0 0L8 8M0 8L8 0"),
        ("level", "dfm-line", "M0 4H8"),
        ("dots", "dfm-line", "M3 4H5"),
        ("points", "dfm-dot", "M3.5 4H4.5"),
        ("dashes", "dfm-dot", "M1 4H7"),
    ] {
        let _ = write!(
            out,
            "<pattern id=\"{prefix}-{name}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
             <path class=\"{class}\" d=\"{path}\"/></pattern>"
        );
    }
    out.push_str("</defs>\n");
}

/// Colours and line widths, by classes that begin with `dfm`. In a page they hold for all maps in it. Colours are written
/// out: not every reader of SVG knows variables.
pub fn sheet() -> String {
    let mut out = String::from(
        ".dfm{font:12px system-ui,sans-serif;max-width:100%;height:auto}.dfm rect{stroke-width:.6}\
         .dfm .dfm-on,.dfm .dfm-text{paint-order:stroke;stroke-width:5px;stroke-linejoin:round}\
         .dfm g:focus{outline:none}.dfm g:focus rect,.dfm g:hover rect{stroke-width:2.5}\
         .dfm-line{stroke-width:1.5}.dfm-dot{stroke-width:1}.dfm-lock{stroke-width:3;stroke-dasharray:7 3}.dfm-differs{stroke-width:3}",
    );
    let scheme = |n: usize| {
        let [text, ground, dim] = [["#1b1f24", "#e6edf3"][n], ["#fff", "#0d1117"][n], ["#57606a", "#9aa4ae"][n]];
        let mut out = format!(
            ".dfm text{{fill:{text}}}.dfm .dfm-on{{fill:{ground}}}.dfm .dfm-dim{{fill:{dim}}}.dfm rect,.dfm-dot{{stroke:{dim}}}\
             .dfm g:focus rect,.dfm g:hover rect{{stroke:{text}}}.dfm-line{{stroke:{ground}}}.dfm-lock{{stroke:{}}}\
             .dfm-differs{{stroke:{text}}}.dfm .dfm-ground{{fill:{ground};stroke:none}}",
            colours(Kind::Overlap)[n]
        );
        for kind in KINDS {
            let (class, colour) = (class(kind), colours(kind)[n]);
            // A label has a rim of its region's colour, so that hatches do not go through its letters.
            let label = format!(".dfm-{class}~.{}", on(kind));
            let _ = write!(out, ".dfm-{class}{{fill:{colour}}}{label}{{stroke:{colour}}}");
        }
        out
    };
    let _ = write!(out, "{}@media (prefers-color-scheme:dark){{{}}}", scheme(0), scheme(1));
    out
}
