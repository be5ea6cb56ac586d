//! `watch` on a real terminal: what is seen of a node that runs, dies and comes back, in a window that changes its
//! size; and the terminal is left as it was found. Off a terminal it is a stream.

#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::num::NonZeroU16;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use serde_json::Value;
use support::{COUNTY, Office, SHANGHE, ended, eventually};

/// `watch` in a terminal.
struct Watching {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    settings_before: String,
}

impl Watching {
    fn of(office: &Office, columns: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let settings_before = settings(pair.master.as_ref());
        let plain = office.command(&["watch"]);
        let mut command = CommandBuilder::new(plain.get_program());
        // The office asks for JSON, a person does not.
        command.args(plain.get_args().filter(|argument| *argument != "--json"));
        for (name, value) in plain.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(some(rows), some(columns), 0)));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let shown = screen.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = reader.read(&mut bytes) {
                if count == 0 {
                    break;
                }
                shown.lock().unwrap().process(&bytes[..count]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { master: pair.master, keys, child, screen, settings_before }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn shows(&self, wanted: &str) {
        eventually(&format!("the screen shows {wanted:?}"), || {
            let text = self.text();
            if text.contains(wanted) { Ok(()) } else { Err(text) }
        });
    }

    fn resize(&self, columns: u16, rows: u16) {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.screen.lock().unwrap().screen_mut().set_size(some(rows), some(columns));
        self.master.resize(size).unwrap();
    }

    /// It has ended well, and the terminal is as it was.
    fn has_left(&mut self) {
        let code = eventually("watch has ended", || {
            let status = self.child.try_wait().unwrap();
            status.map(|status| status.exit_code()).ok_or_else(|| "it goes on".to_owned())
        });
        assert_eq!(code, 0, "{}", self.text());
        eventually("the screen from before is back", || {
            let parser = self.screen.lock().unwrap();
            let screen = parser.screen();
            match screen.alternate_screen() || screen.hide_cursor() {
                true => Err(screen.contents()),
                false => Ok(()),
            }
        });
        assert_eq!(settings(self.master.as_ref()), self.settings_before);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn some(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

/// Echo, line by line, and whatever else a terminal has.
fn settings(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios().expect("a terminal has settings"))
}

#[test]
fn a_person_sees_a_node_work_die_and_come_back_and_gets_the_terminal_back() {
    let office = Office::begin(COUNTY);
    let mut watching = Watching::of(&office, 80, 24);
    watching.shows("No node runs here");
    assert_ne!(settings(watching.master.as_ref()), watching.settings_before, "keys wait for Enter");
    let node = office.up(&[]);
    watching.shows("The node runs");
    office.adds_elder(SHANGHE, "周国强");
    watching.shows("written");
    assert!(!watching.text().contains("周国强"));
    // Windows of any size, down to none.
    for (columns, rows) in [(120, 40), (20, 5), (60, 10), (80, 24)] {
        watching.resize(columns, rows);
        let keys = if columns < 40 { "window is too" } else { "q quit" };
        eventually(&format!("{columns} × {rows} is filled"), || {
            let text = watching.text();
            let last = text.lines().last().unwrap_or_default().to_owned();
            if last.contains(keys) { Ok(()) } else { Err(text) }
        });
    }
    node.kill();
    watching.shows("No node runs here");
    assert!(!watching.text().contains("Nothing is wrong"));
    let node = office.up(&[]);
    watching.shows("The node runs");
    watching.keys.write_all(b"q").unwrap();
    watching.has_left();
    node.stop();
}

#[test]
fn a_request_to_end_and_ctrl_c_leave_the_terminal_as_it_was_too() {
    let office = Office::begin(COUNTY);
    let mut watching = Watching::of(&office, 80, 24);
    watching.shows("No node runs here");
    let pid = watching.child.process_id().unwrap().to_string();
    assert!(std::process::Command::new("kill").arg(pid).status().unwrap().success());
    watching.has_left();

    let mut watching = Watching::of(&office, 80, 24);
    watching.shows("No node runs here");
    watching.keys.write_all(b"\x03").unwrap();
    watching.has_left();
}

#[test]
fn a_script_reads_what_happens_line_by_line() {
    let office = Office::begin(COUNTY);
    let node = office.up(&[]);
    let mut child = office.command(&["watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let first = next();
    assert_eq!((&first["event"], &first["running"]), (&"node".into(), &true.into()), "{first}");
    office.adds_elder(SHANGHE, "周国强");
    let second = next();
    assert_eq!(second["event"], "happening", "{second}");
    assert_eq!((&second["code"], &second["schema_version"]), (&"wrote".into(), &1.into()));
    assert!(second["count"].as_u64() > Some(0), "{second}");
    node.kill();
    let gone = next();
    assert_eq!((&gone["event"], &gone["running"]), (&"node".into(), &false.into()), "{gone}");
    // Nobody reads any more.
    drop(lines);
    let node = office.up(&[]);
    let status = ended(&mut child, Duration::from_secs(30)).expect("it ends");
    assert_eq!(status.code(), Some(0));
    node.stop();
}
