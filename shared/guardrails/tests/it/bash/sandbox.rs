//! A folder in which bash runs scripts as a runner does, with programs that only note their arguments.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// Whether `bash -n` takes a script.
pub(super) fn bash_takes(script: &str) -> bool {
    let mut bash = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash is there");
    // It may end before it has read everything.
    _ = bash.stdin.take().expect("it has an input").write_all(script.as_bytes());
    bash.wait().expect("it ends").success()
}

/// A call of a program.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
}

/// Programs that note how they are called.
const STUBS: [&str; 4] = ["rm", "ls", "kubectl", "grep"];
/// Programs that are the real ones: they run others, or read and write.
const REAL: [&str; 9] = ["env", "nice", "timeout", "nohup", "xargs", "find", "cat", "head", "tee"];

/// Ends an entry of the log; no script contains it.
const END: char = '\u{1}';
const SECRET: &str = "what only the file secret contains";

pub(super) struct Sandbox {
    folder: PathBuf,
}

impl Sandbox {
    pub(super) fn new() -> Self {
        let name = format!("countersign-shell-{}-{:?}", std::process::id(), std::thread::current().id());
        let folder = std::env::temp_dir().join(name.replace(['(', ')'], ""));
        std::fs::create_dir_all(folder.join("bin")).expect("a folder");
        let log = folder.join("log");
        for stub in STUBS {
            let path = folder.join("bin").join(stub);
            // `grep` reads its input, as the real one does without a file.
            let reads =
                if stub == "grep" { format!("/bin/cat >> {}.input\n", log.display()) } else { String::new() };
            // In one write: another one may run beside it.
            let text = format!(
                "#!/bin/sh\nline={stub}; for a; do line=\"$line{END}$a\"; done; printf '%s\\n' \"$line\" >> {}\n{reads}",
                log.display()
            );
            std::fs::write(&path, text).expect("a program");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a program");
        }
        for real in REAL {
            let paths = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(real));
            let path = paths.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{real} is there"));
            symlink(path, folder.join("bin").join(real)).expect("a link");
        }
        Self { folder }
    }

    fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// Runs a script in a fresh folder, with what it leaves in the background, each for at most two seconds.
    pub(super) fn run(&self, script: &str) {
        _ = std::fs::remove_dir_all(self.work());
        for log in ["log", "log.input"] {
            _ = std::fs::remove_file(self.folder.join(log));
        }
        std::fs::create_dir(self.work()).expect("a folder");
        std::fs::write(self.work().join("in"), "in\n").expect("a file");
        std::fs::write(self.work().join("secret"), SECRET).expect("a file");
        let (mut output, input) = std::io::pipe().expect("a pipe");
        let mut bash = Command::new("/usr/bin/timeout")
            .args(["--signal=KILL", "2", "/bin/bash", "-s"])
            .env_clear()
            .env("PATH", self.folder.join("bin"))
            .env("HOME", self.work())
            .env("FUNCNEST", "10")
            .current_dir(self.work())
            .stdin(Stdio::piped())
            .stdout(input.try_clone().expect("a pipe"))
            .stderr(input)
            .process_group(0)
            .spawn()
            .expect("bash is there");
        // It ends when the last process has that holds the other end.
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            _ = std::io::copy(&mut output, &mut std::io::sink());
            _ = ended.send(());
        });
        _ = bash.stdin.take().expect("it has an input").write_all(script.as_bytes());
        _ = bash.wait().expect("it ends");
        _ = end.recv_timeout(Duration::from_secs(2));
        let group = i32::try_from(bash.id()).ok().and_then(Pid::from_raw).expect("a process group");
        _ = kill_process_group(group, Signal::KILL);
    }

    /// The calls of programs that note them.
    pub(super) fn calls(&self) -> Vec<Call> {
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let call = |line: &str| {
            let mut words = line.split(END).map(str::to_owned);
            Some(Call {
                program: words.next().filter(|name| STUBS.contains(&name.as_str()))?,
                arguments: words.collect(),
            })
        };
        log.lines().filter_map(call).collect()
    }

    /// The files that are new or changed.
    pub(super) fn written(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.work()).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        let is_as_it_was = |name: &String| {
            let text = std::fs::read_to_string(self.work().join(name)).unwrap_or_default();
            (name == "in" && text == "in\n") || (name == "secret" && text == SECRET)
        };
        names.filter(|name| !is_as_it_was(name)).collect()
    }

    /// Whether a program was given the content of a file that is not listed.
    pub(super) fn leaked(&self) -> bool {
        std::fs::read_to_string(self.folder.join("log.input")).is_ok_and(|text| text.contains(SECRET))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.folder);
    }
}
