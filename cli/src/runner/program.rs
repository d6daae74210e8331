//! The program: started without a shell in a process group of its own, which ends with it.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::Stop;
use super::lines::Stream;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;
/// After the program's end, whoever still holds its output (outside of its group) is listened to for so
/// long, and for so many bytes: what was in the pipes, and no more.
const AFTERWARDS: Duration = Duration::from_secs(1);
const AFTERWARDS_BYTES: usize = 1024 * 1024;

/// Between two looks whether anybody is left.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How a program ended.
#[derive(Debug)]
pub(crate) enum End {
    /// By itself.
    Exited(ExitStatus),
    /// It took too long and was killed.
    TimedOut,
    /// This runner was told twice to stop, and killed it.
    Stopped,
    /// The system does not tell.
    Unknown(String),
}

/// A program that runs.
pub(crate) struct Started {
    child: Child,
    group: Option<Pid>,
    ended: watch::Sender<bool>,
    /// What it writes.
    pub(crate) output: mpsc::Receiver<(Stream, Vec<u8>)>,
}

/// Starts a program and gives it `input`.
///
/// # Errors
/// Why it did not start.
pub(crate) fn start(program: &[String], input: String) -> Result<Started, String> {
    let (name, arguments) = program.split_first().ok_or("there is no program")?;
    let mut command = Command::new(name);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    // Our own settings, the token among them, are none of its business.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(name);
        }
    }
    let mut child = command.spawn().map_err(|error| format!("`{name}` cannot be started: {error}"))?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let (give, output) = mpsc::channel(4);
    let (ended, end) = watch::channel(false);
    if let Some(out) = child.stdout.take() {
        tokio::spawn(read(out, Stream::Out, give.clone(), end.clone()));
    }
    if let Some(err) = child.stderr.take() {
        tokio::spawn(read(err, Stream::Err, give, end));
    }
    if let Some(mut stdin) = child.stdin.take() {
        tokio::spawn(async move {
            // A program that does not read to the end is in its right.
            let _ = stdin.write_all(input.as_bytes()).await;
            let _ = stdin.shutdown().await;
        });
    }
    Ok(Started { child, group, ended, output })
}

async fn read(
    mut from: impl AsyncRead + Unpin,
    stream: Stream,
    give: mpsc::Sender<(Stream, Vec<u8>)>,
    mut end: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; CHUNK];
    let mut afterwards = 0;
    loop {
        let ended = *end.borrow_and_update();
        let got = if ended {
            timeout(AFTERWARDS, from.read(&mut buffer)).await.unwrap_or(Ok(0))
        } else {
            tokio::select! {
                got = from.read(&mut buffer) => got,
                changed = end.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    continue;
                }
            }
        };
        let count = got.unwrap_or(0);
        afterwards += if ended { count } else { 0 };
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { return };
        if give.send((stream, bytes.to_vec())).await.is_err() || afterwards > AFTERWARDS_BYTES {
            return;
        }
    }
}

/// Ends a program, whatever becomes of whoever watches it.
pub(crate) struct Watch {
    child: Child,
    group: Option<Pid>,
    ended: watch::Sender<bool>,
}

impl Started {
    /// Parts the program from its output.
    pub(crate) fn part(self) -> (Watch, mpsc::Receiver<(Stream, Vec<u8>)>) {
        (Watch { child: self.child, group: self.group, ended: self.ended }, self.output)
    }
}

impl Watch {
    /// Waits for its end, or ends it. Nothing of its group is left then.
    pub(crate) async fn end(
        mut self,
        limit: Duration,
        grace: Duration,
        mut stop: watch::Receiver<Stop>,
    ) -> End {
        let end = tokio::select! {
            status = self.child.wait() => match status {
                Ok(status) => End::Exited(status),
                Err(error) => End::Unknown(error.to_string()),
            },
            () = sleep(limit) => End::TimedOut,
            // Without anybody who could still tell, nobody tells.
            Ok(_) = stop.wait_for(|stop| *stop == Stop::Now) => End::Stopped,
        };
        if matches!(end, End::Exited(_)) {
            // What it has left to others of its group, such as `>(tee …)`, is about to end too.
            let _ = timeout(AFTERWARDS, self.empty()).await;
        }
        self.signal(Signal::TERM);
        let _ = timeout(grace, self.empty()).await;
        // Whoever of its group does not heed the first signal, or came too late to get it.
        self.signal(Signal::KILL);
        let _ = self.child.wait().await;
        self.ended.send_replace(true);
        end
    }

    /// Waits until nobody is left in the group.
    async fn empty(&mut self) {
        let _ = self.child.wait().await;
        while self.group.is_some_and(|group| test_kill_process_group(group).is_ok()) {
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Signals the whole group; that nobody is left in it is no error.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Our own end in between must not leave the group behind. After the program's end it is gone.
        if !*self.ended.borrow() {
            self.signal(Signal::KILL);
        }
    }
}
