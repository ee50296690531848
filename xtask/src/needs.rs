//! What has to be on the machine besides Rust, how to see whether it is, and how it gets there.
//!
//! The table [`NEEDS`] holds all of it: a new tool is a new entry, here and nowhere else.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The verbs that need something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Demo,
    Test,
    Firmware,
    /// Everything that any other verb needs.
    Setup,
}

/// One thing that has to be there.
#[derive(Debug, PartialEq, Eq)]
struct Need {
    what: &'static str,
    /// What it is for, as a clause after "it".
    purpose: &'static str,
    sign: Sign,
    verbs: &'static [Verb],
    debian: &'static [&'static str],
    /// Empty where the package's name is not certain.
    fedora: &'static [&'static str],
    arch: &'static [&'static str],
    brew: &'static [&'static str],
}

/// How to see that something is there.
#[derive(Debug, PartialEq, Eq)]
enum Sign {
    /// One of these programs is on the PATH.
    Program(&'static [&'static str]),
    /// The library that bindgen loads, and the headers that belong to it.
    Libclang,
}

/// Whatever compiles Unicorn.
const BUILDERS: &[Verb] = &[Verb::Demo, Verb::Test];

const NEEDS: [Need; 11] = [
    Need {
        what: "a C compiler (cc)",
        purpose: "compiles Unicorn, the CPU engine",
        sign: Sign::Program(&["cc"]),
        verbs: BUILDERS,
        debian: &["gcc", "libc6-dev"],
        fedora: &["gcc"],
        arch: &["gcc"],
        brew: &[],
    },
    Need {
        what: "make",
        purpose: "builds Unicorn for CMake",
        sign: Sign::Program(&["make", "ninja"]),
        verbs: BUILDERS,
        debian: &["make"],
        fedora: &["make"],
        arch: &["make"],
        brew: &[],
    },
    Need {
        what: "cmake",
        purpose: "configures the build of Unicorn",
        sign: Sign::Program(&["cmake"]),
        verbs: BUILDERS,
        debian: &["cmake"],
        fedora: &["cmake"],
        arch: &["cmake"],
        brew: &["cmake"],
    },
    Need {
        what: "libclang",
        purpose: "reads Unicorn's C headers",
        sign: Sign::Libclang,
        verbs: BUILDERS,
        debian: &["libclang-dev"],
        fedora: &["clang-devel"],
        arch: &["clang"],
        brew: &["llvm"],
    },
    Need {
        what: "arm-none-eabi-gcc",
        purpose: "rebuilds the stand-in firmware, which a test compares",
        sign: Sign::Program(&["arm-none-eabi-gcc"]),
        verbs: &[Verb::Test, Verb::Firmware],
        debian: &["gcc-arm-none-eabi"],
        fedora: &["arm-none-eabi-gcc-cs"],
        arch: &["arm-none-eabi-gcc"],
        brew: &["arm-none-eabi-gcc"],
    },
    Need {
        what: "st-flash",
        purpose: "is one of the clients that the tests drive against the virtual probe",
        sign: Sign::Program(&["st-flash"]),
        verbs: &[Verb::Test],
        debian: &["stlink-tools"],
        fedora: &["stlink"],
        arch: &["stlink"],
        brew: &["stlink"],
    },
    Need {
        what: "openocd",
        purpose: "is one of the clients that the tests drive against the virtual probe",
        sign: Sign::Program(&["openocd"]),
        verbs: &[Verb::Test],
        debian: &["openocd"],
        fedora: &["openocd"],
        arch: &["openocd"],
        brew: &["open-ocd"],
    },
    Need {
        what: "a gdb for ARM",
        purpose: "is one of the clients that the tests drive against the virtual ESC",
        sign: Sign::Program(&["gdb-multiarch", "arm-none-eabi-gdb"]),
        verbs: &[Verb::Test],
        debian: &["gdb-multiarch"],
        fedora: &[],
        arch: &["arm-none-eabi-gdb"],
        brew: &["arm-none-eabi-gdb"],
    },
    Need {
        what: "tshark",
        purpose: "opens the captures that the tests write",
        sign: Sign::Program(&["tshark"]),
        verbs: &[Verb::Test],
        debian: &["tshark"],
        fedora: &["wireshark-cli"],
        arch: &["wireshark-cli"],
        brew: &["wireshark"],
    },
    Need {
        what: "Chromium",
        purpose: "opens the pages that the tests write",
        // Where it is in no package, Chrome may be there.
        sign: Sign::Program(&["chromium", "chromium-browser", "google-chrome"]),
        verbs: &[Verb::Test],
        debian: &["chromium"],
        fedora: &["chromium"],
        arch: &["chromium"],
        brew: &[],
    },
    Need {
        what: "usbip",
        purpose: "lists the virtual probe in a test",
        sign: Sign::Program(&["usbip"]),
        verbs: &[Verb::Test],
        debian: &["usbip"],
        fedora: &["usbip"],
        arch: &["usbip"],
        brew: &[],
    },
];

/// Sees to it that all that `verb` needs is there, or says what to do.
pub fn meet(verb: Verb) -> Result<(), String> {
    let missing = missing(verb, &Here);
    for need in &missing {
        println!("Missing: {}. It {}.", need.what, need.purpose);
    }
    match plan(&missing, &Machine::this()) {
        Plan::Nothing => Ok(()),
        Plan::Install(packages) => {
            install(&packages)?;
            match still_missing(verb).as_slice() {
                [] => Ok(()),
                names => Err(format!("{} installed, but still missing: {}", packages.join(" "), names.join(", "))),
            }
        }
        Plan::Ask(line) => Err(format!("please run this line, then the same command again:\n\n    {line}\n")),
        Plan::Tell(text) => Err(text),
    }
}

fn still_missing(verb: Verb) -> Vec<&'static str> {
    missing(verb, &Here).iter().map(|need| need.what).collect()
}

/// What is on a machine; the tests have one of their own.
trait Probe {
    fn program(&self, name: &str) -> bool;
    fn libclang(&self) -> bool;
}

fn missing(verb: Verb, probe: &impl Probe) -> Vec<&'static Need> {
    let wanted = |need: &&Need| verb == Verb::Setup || need.verbs.contains(&verb);
    let absent = |need: &&Need| match &need.sign {
        Sign::Program(names) => !names.iter().any(|name| probe.program(name)),
        Sign::Libclang => !probe.libclang(),
    };
    NEEDS.iter().filter(wanted).filter(absent).collect()
}

/// Whose packages the machine takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    Debian,
    Fedora,
    Arch,
    MacOs,
    Other,
}

/// What decides how something gets installed.
#[derive(Clone, Copy, Debug)]
struct Machine {
    system: System,
    root: bool,
    apt: bool,
    sudo: bool,
}

/// What to do about what is missing.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Nothing,
    /// Install these packages with apt-get.
    Install(Vec<&'static str>),
    /// Ask for this line to be run.
    Ask(String),
    /// Explain: there is no line that surely fits.
    Tell(String),
}

fn plan(missing: &[&'static Need], machine: &Machine) -> Plan {
    if missing.is_empty() {
        return Plan::Nothing;
    }
    let sudo = if machine.root { "" } else { "sudo " };
    match machine.system {
        System::Debian if machine.apt => {
            let packages: Vec<_> = missing.iter().flat_map(|need| need.debian).copied().collect();
            let line = packages.join(" ");
            match machine {
                Machine { root: true, .. } => Plan::Install(packages),
                Machine { sudo: true, .. } => {
                    Plan::Ask(format!("sudo apt-get update && sudo apt-get install -y {line}"))
                }
                _ => Plan::Ask(format!("su -c 'apt-get update && apt-get install -y {line}'")),
            }
        }
        System::Fedora => by_hand(missing, |need| need.fedora, &format!("{sudo}dnf install -y")),
        System::Arch => by_hand(missing, |need| need.arch, &format!("{sudo}pacman -S --needed")),
        System::MacOs => by_hand(missing, |need| need.brew, "brew install"),
        System::Debian | System::Other => {
            let names: Vec<_> = missing.iter().map(|need| need.what).collect();
            let debian: Vec<_> = missing.iter().flat_map(|need| need.debian).copied().collect();
            Plan::Tell(format!(
                "please install {}, then run the same command again (on Debian these are the packages {})",
                names.join(", "),
                debian.join(" ")
            ))
        }
    }
}

/// A line for the packages whose names are known, and words for the rest.
fn by_hand(missing: &[&'static Need], packages: fn(&Need) -> &'static [&'static str], install: &str) -> Plan {
    let (named, unnamed): (Vec<&Need>, Vec<&Need>) = missing.iter().partition(|need| !packages(need).is_empty());
    let line: Vec<_> = named.iter().flat_map(|need| packages(need)).copied().collect();
    let words: Vec<_> = unnamed.iter().map(|need| need.what).collect();
    match (line.as_slice(), words.as_slice()) {
        (line, []) => Plan::Ask(format!("{install} {}", line.join(" "))),
        ([], words) => Plan::Tell(format!("please install {}, then run the same command again", words.join(", "))),
        (line, words) => Plan::Tell(format!(
            "please install {}, and run this line, then the same command again:\n\n    {install} {}\n",
            words.join(", "),
            line.join(" ")
        )),
    }
}

/// Installs Debian packages, and removes none.
pub fn install(packages: &[&str]) -> Result<(), String> {
    if !is_root() || !Here.program("apt-get") {
        return Err(format!("{} cannot be installed: that takes root and apt-get", packages.join(" ")));
    }
    println!("Installing, as root on a Debian system: {}", packages.join(" "));
    // Lists that are partly out of date still install most things, so a failure here is not the end.
    if let Err(trouble) = apt_get(&["-qq", "update"]) {
        eprintln!("xtask: {trouble}; going on with the package lists that are there");
    }
    let mut args = vec!["-qq", "install", "-y", "--no-install-recommends", "--no-remove"];
    args.extend(packages);
    apt_get(&args)
}

fn apt_get(args: &[&str]) -> Result<(), String> {
    let line = format!("apt-get {}", args.join(" "));
    let status = Command::new("apt-get")
        // Another apt may be at work just after boot.
        .args(["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3", "-o", "Dpkg::Use-Pty=0"])
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot start `{line}`: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("`{line}` failed ({status})")),
    }
}

impl Machine {
    fn this() -> Machine {
        let system = match env::consts::OS {
            "linux" => ["/etc/os-release", "/usr/lib/os-release"]
                .iter()
                .find_map(|path| fs::read_to_string(path).ok())
                .map_or(System::Other, |text| system(&text)),
            "macos" => System::MacOs,
            _ => System::Other,
        };
        Machine { system, root: is_root(), apt: Here.program("apt-get"), sudo: Here.program("sudo") }
    }
}

/// The family of the distribution that an os-release file describes.
fn system(os_release: &str) -> System {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim().trim_matches(['"', '\''])
    };
    // ID_LIKE names the nearest relative first.
    let names = value("ID").split_whitespace().chain(value("ID_LIKE").split_whitespace());
    let known = |name: &str| match name {
        "debian" | "ubuntu" => Some(System::Debian),
        "fedora" => Some(System::Fedora),
        "arch" => Some(System::Arch),
        _ => None,
    };
    names.filter_map(known).next().unwrap_or(System::Other)
}

/// The standard library does not tell the user's id, and `id` is on every Unix.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    id.is_ok_and(|output| output.status.success() && output.stdout.trim_ascii() == b"0")
}

/// The machine that this runs on.
struct Here;

impl Probe for Here {
    fn program(&self, name: &str) -> bool {
        let path = env::var_os("PATH").unwrap_or_default();
        // Some distributions keep programs where only root's PATH leads.
        let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        env::split_paths(&path)
            .chain(more)
            .any(|folder| is_program(&folder.join(format!("{name}{}", env::consts::EXE_SUFFIX))))
    }

    fn libclang(&self) -> bool {
        let folders = library_folders();
        // The library alone cannot find stddef.h: the headers come in a package of their own, or are asked of clang.
        let headers = !cfg!(target_os = "linux")
            || env::var_os("BINDGEN_EXTRA_CLANG_ARGS").is_some()
            || self.program("clang")
            || folders.iter().any(|folder| has_clang_headers(folder));
        headers && folders.iter().any(|folder| has_libclang(folder))
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// The folders in which the build looks for libclang: LIBCLANG_PATH, what llvm-config says, and the usual places.
fn library_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(path) = env::var_os("LIBCLANG_PATH").map(PathBuf::from) {
        // It may name the library itself.
        folders.extend(path.is_file().then(|| path.parent().map(Path::to_path_buf)).flatten());
        folders.push(path);
    }
    let llvm_config = env::var_os("LLVM_CONFIG_PATH").unwrap_or_else(|| "llvm-config".into());
    if let Ok(output) = Command::new(llvm_config).arg("--prefix").stderr(Stdio::null()).output() {
        folders.push(Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("lib"));
    }
    if let Some(paths) = env::var_os("LD_LIBRARY_PATH") {
        folders.extend(env::split_paths(&paths));
    }
    for base in ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"] {
        for first in subfolders(Path::new(base)) {
            folders.extend(subfolders(&first));
            folders.push(first);
        }
        folders.push(base.into());
    }
    folders.extend(["/usr/local/opt/llvm/lib", "/opt/homebrew/opt/llvm/lib"].map(PathBuf::from));
    folders.push("/Library/Developer/CommandLineTools/usr/lib".into());
    folders.push("/Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib".into());
    folders
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).filter(|path| path.is_dir()).collect()
}

fn has_libclang(folder: &Path) -> bool {
    entries(folder)
        .any(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_libclang) && path.is_file())
}

/// Whether a file name is that of the C interface's library: `libclang.so`, `libclang-14.so.13`, but not `libclang-cpp.so.14`.
fn is_libclang(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libclang") else { return name == "clang.dll" };
    let shared = [".so", ".dylib", ".dll"].iter().any(|end| rest.ends_with(end)) || rest.contains(".so.");
    shared && !rest.starts_with("-cpp") && rest.starts_with(['.', '-'])
}

/// Whether `folder` holds the headers of a clang, as in `/usr/lib/llvm-14/lib/clang/14/include`.
fn has_clang_headers(folder: &Path) -> bool {
    entries(&folder.join("clang")).any(|version| version.join("include/stddef.h").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
    const UBUNTU: &str = "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=noble\n";
    const MINT: &str = "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
    const ROCKY: &str = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";

    /// A machine with these programs, and with libclang or without.
    struct Fake(&'static [&'static str], bool);

    impl Probe for Fake {
        fn program(&self, name: &str) -> bool {
            self.0.contains(&name)
        }
        fn libclang(&self) -> bool {
            self.1
        }
    }

    const ROOT: Machine = Machine { system: System::Debian, root: true, apt: true, sudo: false };
    const USER: Machine = Machine { root: false, sudo: true, ..ROOT };

    fn names(missing: &[&'static Need]) -> Vec<&'static str> {
        missing.iter().map(|need| need.what).collect()
    }

    #[test]
    fn the_family_is_read_from_os_release() {
        for (text, expected) in [
            (DEBIAN, System::Debian),
            (UBUNTU, System::Debian),
            (MINT, System::Debian),
            (ROCKY, System::Fedora),
            ("ID='arch'", System::Arch),
            ("ID=nixos", System::Other),
            ("ID_LIKE=debian", System::Debian),
            ("VERSION_ID=debian\n", System::Other),
            ("", System::Other),
        ] {
            assert_eq!(system(text), expected, "{text}");
        }
    }

    #[test]
    fn each_verb_asks_only_for_what_it_uses() {
        let bare = Fake(&[], false);
        assert_eq!(names(&missing(Verb::Demo, &bare)), ["a C compiler (cc)", "make", "cmake", "libclang"]);
        assert_eq!(names(&missing(Verb::Firmware, &bare)), ["arm-none-eabi-gcc"]);
        assert_eq!(missing(Verb::Test, &bare).len(), NEEDS.len());
        assert_eq!(missing(Verb::Setup, &bare).len(), NEEDS.len());
    }

    #[test]
    fn any_of_the_programs_will_do() {
        let machine = Fake(
            &[
                "cc",
                "ninja",
                "cmake",
                "arm-none-eabi-gcc",
                "st-flash",
                "arm-none-eabi-gdb",
                "tshark",
                "google-chrome",
                "usbip",
            ],
            true,
        );
        assert_eq!(names(&missing(Verb::Test, &machine)), ["openocd"]);
    }

    #[test]
    fn nothing_missing_means_nothing_to_do() {
        assert_eq!(plan(&missing(Verb::Demo, &Fake(&["cc", "make", "cmake"], true)), &USER), Plan::Nothing);
    }

    #[test]
    fn root_on_debian_installs() {
        let missing = missing(Verb::Demo, &Fake(&["cc", "make"], false));
        assert_eq!(plan(&missing, &ROOT), Plan::Install(vec!["cmake", "libclang-dev"]));
    }

    #[test]
    fn a_user_on_debian_gets_one_line() {
        let missing = missing(Verb::Demo, &Fake(&["cc", "make"], false));
        let line = "sudo apt-get update && sudo apt-get install -y cmake libclang-dev";
        assert_eq!(plan(&missing, &USER), Plan::Ask(line.into()));
        let line = "su -c 'apt-get update && apt-get install -y cmake libclang-dev'";
        assert_eq!(plan(&missing, &Machine { sudo: false, ..USER }), Plan::Ask(line.into()));
    }

    #[test]
    fn others_get_their_own_line_or_words() {
        let missing = missing(
            Verb::Test,
            &Fake(&["cc", "make", "arm-none-eabi-gcc", "st-flash", "openocd", "tshark", "chromium", "usbip"], true),
        );
        let on = |system| plan(&missing, &Machine { system, apt: false, ..USER });
        assert_eq!(on(System::Arch), Plan::Ask("sudo pacman -S --needed cmake arm-none-eabi-gdb".into()));
        assert_eq!(on(System::MacOs), Plan::Ask("brew install cmake arm-none-eabi-gdb".into()));
        let Plan::Tell(text) = on(System::Fedora) else { panic!("Fedora's name for gdb is not known") };
        assert!(text.contains("install a gdb for ARM") && text.contains("sudo dnf install -y cmake\n"), "{text}");
        let Plan::Tell(text) = on(System::Other) else { panic!("no line can be right everywhere") };
        assert!(text.contains("cmake, a gdb for ARM"), "{text}");
        assert!(matches!(on(System::Debian), Plan::Tell(_)), "there is no apt-get");
    }

    #[test]
    fn libclang_is_known_by_its_file_names() {
        for name in
            ["libclang.so", "libclang.so.1", "libclang-14.so", "libclang-14.so.13", "libclang.dylib", "clang.dll"]
        {
            assert!(is_libclang(name), "{name}");
        }
        for name in
            ["libclang-cpp.so.14", "libclang-cpp.so", "libclangBasic.a", "libclangd.so.1", "libclang.a", "clang"]
        {
            assert!(!is_libclang(name), "{name}");
        }
    }
}
