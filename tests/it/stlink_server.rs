//! The server's faults: requests of no meaning, cut connections, two clients at once, signals.

use crate::support::serve::Serve;
use dryflash::esc::StateFile;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const OK: u32 = 1;
const BAD_PARAMETER: u32 = 0x1002;
const NO_COMMAND: u32 = 0x1053;
const BUSY: u32 = 0x2004;
const DEVICE: u32 = 0x1234;

struct Client {
    stream: TcpStream,
    id: u32,
}

impl Client {
    fn connect(serve: &Serve) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", serve.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Client { stream, id: 0 }
    }

    fn ask(&mut self, request: &[u8], length: usize) -> Vec<u8> {
        self.stream.write_all(request).unwrap();
        let mut reply = vec![0; length];
        self.stream.read_exact(&mut reply).unwrap();
        reply
    }

    fn code(&mut self, request: &[u8]) -> u32 {
        word(&self.ask(request, 4), 0)
    }

    /// Whether the server has hung up, with nothing more said.
    fn is_cut(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 16]), Ok(0) | Err(_))
    }

    fn open(&mut self) -> u32 {
        let code = self.code(&[[3, 0, 0, 0].as_slice(), &DEVICE.to_le_bytes()].concat());
        if code == OK {
            self.id = word(&self.ask(&[], 4), 0);
        }
        code
    }

    fn transfer(&self, command: &[u8], direction: u8, size: u32) -> Vec<u8> {
        let mut request = vec![5, 0, 0, 0];
        request.extend(self.id.to_le_bytes());
        request.extend(command);
        request.resize(24, 0);
        request.extend([direction, 0, 0, 0]);
        request.extend(size.to_le_bytes());
        request
    }

    /// A command that is answered with so many bytes.
    fn command(&mut self, command: &[u8], size: u32) -> Vec<u8> {
        let request = self.transfer(command, 1, size);
        let reply = self.ask(&request, 4 + size as usize);
        assert_eq!(word(&reply, 0), OK);
        reply[4..].to_vec()
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn state() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("esc.json");
    (folder, path)
}

/// A client can do what clients do.
fn works(serve: &Serve) {
    let mut client = Client::connect(serve);
    // A client before may just be on its way out.
    let opened = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        client.open() == OK
    });
    assert!(opened);
    assert_eq!(client.command(&[0xF2, 0x30, 0xA3], 2), [0x80, 0]);
    assert_eq!(word(&client.command(&[0xF2, 0x36, 0x00, 0xED, 0x00, 0xE0], 8), 4), 0x410C_C200, "CPUID");
}

#[test]
fn the_server_tells_what_there_is() {
    let (_folder, state) = state();
    let serve = Serve::start("F051", &state, &[]);
    let mut client = Client::connect(&serve);
    assert_eq!(client.ask(&[6, 0, 0, 0], 16)[4..8], [2, 0, 0, 0]);
    assert_eq!(client.code(&[0, 1]), OK);
    assert_eq!(client.code(&[1]), 1, "one device");
    let device = client.ask(&[2, 0, 0, 0, 41, 0, 0, 0], 45);
    assert_eq!((word(&device, 0), word(&device, 4)), (OK, DEVICE));
    assert_eq!(device[8..32], *b"066DFF494857808667123456");
    assert_eq!(device[40..], [0x83, 0x04, 0x4B, 0x37, 0]);
    assert_eq!(client.code(&[2, 1, 0, 0, 41, 0, 0, 0]), BAD_PARAMETER, "there is no second");
    works(&serve);
}

#[test]
fn requests_of_no_meaning_end_nothing_but_their_client() {
    let (_folder, state) = state();
    let serve = Serve::start("F051", &state, &[]);
    // An unknown request: its length is unknown too.
    let mut client = Client::connect(&serve);
    assert_eq!(client.code(&[0x77]), NO_COMMAND);
    assert!(client.is_cut());
    // Transfers of a client that has not opened, or that takes another's number.
    let mut client = Client::connect(&serve);
    assert_eq!(client.code(&client.transfer(&[0xF5], 1, 2)), BAD_PARAMETER);
    assert_eq!(client.open(), OK);
    client.id ^= 0x5555;
    assert_eq!(client.code(&client.transfer(&[0xF5], 1, 2)), BAD_PARAMETER);
    assert_eq!(client.code(&[[4, 0, 0, 0].as_slice(), &client.id.to_le_bytes()].concat()), BAD_PARAMETER);
    client.id ^= 0x5555;
    // A direction that does not exist; a device that does not.
    assert_eq!(client.code(&client.transfer(&[0xF5], 2, 0)), BAD_PARAMETER);
    assert_eq!(client.code(&[3, 0, 0, 0, 9, 9, 9, 9]), BAD_PARAMETER);
    // Commands of no meaning get the firmware's word for them.
    assert_eq!(client.open(), OK);
    assert_eq!(client.command(&[0xF2, 0x99], 2), [0x42, 0]);
    assert_eq!(client.command(&[0xF2, 0x07, 1, 0, 0, 0x20, 4], 4), [0; 4]);
    assert_eq!(client.command(&[0xF2, 0x3B], 2), [0x05, 0], "not in debug mode");
    // More than any command has.
    assert_eq!(client.code(&client.transfer(&[0xF5], 1, u32::MAX)), BAD_PARAMETER);
    assert!(client.is_cut());
    works(&serve);
}

#[test]
fn a_cut_connection_leaves_the_esc_as_it_was() {
    let (_folder, state) = state();
    let serve = Serve::start("F051", &state, &[]);
    let whole = {
        let mut client = Client::connect(&serve);
        assert_eq!(client.open(), OK);
        client.command(&[0xF2, 0x30, 0xA3], 2);
        client.transfer(&[0xF2, 0x08, 0x00, 0x02, 0, 0x20, 8, 0], 0, 8)
    };
    let before = {
        works(&serve);
        read_ram(&serve)
    };
    for cut in [1, 4, 8, 23, whole.len(), whole.len() + 5] {
        let mut client = Client::connect(&serve);
        while client.open() != OK {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut request = client.transfer(&[0xF2, 0x08, 0x00, 0x02, 0, 0x20, 8, 0], 0, 8);
        request.extend([0x55; 8]);
        client.stream.write_all(&request[..cut]).unwrap();
        drop(client);
        assert_eq!(read_ram(&serve), before, "cut after {cut} bytes");
    }
}

fn read_ram(serve: &Serve) -> Vec<u8> {
    let mut client = Client::connect(serve);
    while client.open() != OK {
        std::thread::sleep(Duration::from_millis(5));
    }
    client.command(&[0xF2, 0x30, 0xA3], 2);
    client.command(&[0xF2, 0x07, 0x00, 0x02, 0, 0x20, 8, 0], 8)
}

#[test]
fn one_client_at_a_time() {
    let (_folder, path) = state();
    let serve = Serve::start("F051", &path, &[]);
    let (mut first, mut second) = (Client::connect(&serve), Client::connect(&serve));
    assert_eq!(first.open(), OK);
    assert_eq!(second.open(), BUSY);
    second.id = first.id;
    assert_eq!(second.code(&second.transfer(&[0xF5], 1, 2)), BAD_PARAMETER, "nor by the other's number");
    assert_eq!(first.command(&[0xF5], 2), [1, 0], "the first goes on");
    assert_eq!(first.code(&[[4, 0, 0, 0].as_slice(), &first.id.to_le_bytes()].concat()), OK);
    assert_eq!(second.open(), OK);
    // By now the first one's ESC is kept, with the server still there.
    assert!(std::fs::read_to_string(&path).unwrap().contains("STM32F051K6"));
}

#[test]
fn one_that_is_just_going_is_waited_for() {
    let (_folder, state) = state();
    let serve = Serve::start("F051", &state, &[]);
    let mut first = Client::connect(&serve);
    assert_eq!(first.open(), OK);
    let gone = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        drop(first);
    });
    // Asked for while the first is still there.
    assert_eq!(Client::connect(&serve).open(), OK);
    gone.join().unwrap();
}

#[test]
fn wrong_usage_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (args, word) in [
        (&["--tcp", "0.0.0.0:0", "--part", "F051"][..], "--listen-anywhere"),
        (&["--tcp", &taken, "--part", "F051"], "cannot listen"),
        (&["--tcp", "127.0.0.1:0"], "--part"),
        (&["--tcp", "127.0.0.1:0", "--part", "F999"], "F999"),
        (&["--tcp", "127.0.0.1:0", "--part", "F051", "missing.bin"], "missing.bin"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_dryflash")).arg("serve").args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(word), "{args:?}: {said}");
    }
}

#[test]
fn files_at_addresses_without_flash_are_refused() {
    // The port is taken, so that a server that went on would end all the same.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built/STANDIN_F051_BOOTLOADER_PB4_V14.bin");
    let (_folder, state) = state();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    serve.args(["serve", "--part", "F051", "--tcp", &taken, "--state"]).arg(&state);
    let output = serve.arg(format!("{}@0x0800000", file.display())).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("DF001") && said.contains("did you mean 0x08000000?"), "{said}");
    assert!(!state.exists(), "nothing half-written");
}

#[test]
fn files_are_in_the_esc_before_anybody_connects() {
    let (_folder, path) = state();
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built/STANDIN_DRYFLASH_F051_2.20_FULL.bin");
    let bytes = std::fs::read(&full).unwrap();
    let serve = Serve::start("F051", &path, &[full.to_str().unwrap()]);
    let mut client = Client::connect(&serve);
    assert_eq!(client.open(), OK);
    client.command(&[0xF2, 0x30, 0xA3], 2);
    assert_eq!(client.command(&[0xF2, 0x07, 0, 0, 0, 0x08, 0, 4], 1024), bytes[..1024]);
}

#[test]
fn once_ends_with_the_first_client() {
    let (_folder, path) = state();
    let mut serve = Serve::start("G071", &path, &["--once"]);
    // Who never opens is no client.
    drop(Client::connect(&serve));
    let mut client = Client::connect(&serve);
    assert_eq!(client.open(), OK);
    drop(client);
    assert_eq!(serve.ended(), 0);
    assert_eq!(part_of(&path), "STM32G071xB");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_with_the_state_kept() {
    let (_folder, path) = state();
    let mut serve = Serve::start("F031", &path, &[]);
    let kill = Command::new("kill").args(["-TERM", &serve.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(serve.ended(), 0);
    assert_eq!(part_of(&path), "STM32F031K6");
}

fn part_of(path: &Path) -> String {
    StateFile::open(path).unwrap().part().unwrap().name.clone()
}
