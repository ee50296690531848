//! Pages in a browser: Debian's Chromium, or Chrome.

use super::{Desk, FULL};
use crate::support::clients::is_there;
use std::process::Command;

/// Lets the browser open a page, where there is one. It may reach nobody, and has to have nothing to say on its console.
pub fn browsed(desk: &Desk, name: &str, page: &str, look: impl Fn(&str)) {
    let Some(program) = browser() else { return };
    std::fs::write(desk.path(name), page).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-default-apps"])
        // Whoever it would ask is not there.
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9"])
        .args(["--enable-logging=stderr", "--v=0", "--window-size=390,900", "--timeout=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", desk.path(name).display()))
        .output()
        .expect("the browser starts");
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && dom.contains("</html>"), "{name}: {log}");
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{name}: {complaints:?}");
    look(&dom);
}

/// The browser; none, and a word about it, where it is missing and that is allowed.
fn browser() -> Option<&'static str> {
    let others =
        ["chromium-browser", "google-chrome"].into_iter().find(|p| Command::new(p).arg("--version").output().is_ok());
    others.or_else(|| is_there("chromium").then_some("chromium"))
}

#[test]
fn a_browser_has_nothing_to_complain_of() {
    let desk = Desk::new();
    for (n, (name, page)) in desk.pages().into_iter().enumerate() {
        let commands = page.matches("<code class=\"command\">").count();
        browsed(&desk, &format!("{n}.html"), &page, |dom| {
            assert_eq!(dom.matches("<button").count(), commands, "{name}: each command has its button");
            let answer = page.split("<h1").nth(1).and_then(|h| h.split("</h1>").next()).unwrap();
            assert!(dom.contains(answer), "{name}");
        });
    }
}

/// The complaints that the test above looks for are made, and read.
#[test]
fn a_browser_that_has_something_to_complain_of_is_heard() {
    if browser().is_none() {
        return;
    }
    let desk = Desk::new();
    let page = desk.page(&["check", FULL], 0).replace("</main>", "<img src=\"x.png\"/><script>1</script></main>");
    let heard = std::panic::catch_unwind(|| browsed(&desk, "bad.html", &page, |_| ()));
    let told = heard.expect_err("a blocked image is a complaint");
    let told = told.downcast_ref::<String>().unwrap();
    assert!(told.contains("Content Security Policy"), "{told}");
}

/// Nothing is wider than a phone but what scrolls by itself.
#[test]
fn a_page_fits_a_phone() {
    const PHONE: f64 = 390.0;
    let desk = Desk::new();
    // The browser has no window so narrow, so the page is made so.
    let measure = format!(
        "<script>document.documentElement.style.width = '{PHONE}px';\
         const shown = Array.from(document.querySelectorAll('body *')).filter(e => !e.closest('pre, .scroll, svg, .skip'));\
         document.title = 'right ' + Math.max(...shown.map(e => e.getBoundingClientRect().right))</script></body>"
    );
    for (n, (name, page)) in desk.pages().into_iter().enumerate() {
        // Everything that is folded away is opened, and a script of ours may run.
        let open = page.replace("<details>", "<details open=\"open\">").replace("</body>", &measure);
        let (head, rest) = open.split_once("script-src '").unwrap();
        let open = format!("{head}script-src 'unsafe-inline{}", &rest[rest.find('\'').unwrap()..]);
        browsed(&desk, &format!("{n}.html"), &open, |dom| {
            let right = dom.split("<title>right ").nth(1).and_then(|t| t.split('<').next()).unwrap_or_default();
            let right: f64 = right.parse().unwrap_or_else(|_| panic!("{name}: {right}"));
            assert!(right <= PHONE, "{name} reaches to {right}");
            assert!(right > PHONE / 2.0, "{name} was not laid out: {right}");
        });
    }
}
