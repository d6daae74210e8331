//! The signals that ask the program to stop: SIGTERM, SIGINT (Ctrl-C) and SIGHUP (the terminal closed).
//!
//! SIGTERM always does. The other two do unless they were ignored when the program started: a shell script ignores
//! SIGINT in what it starts with `&`, and `nohup` ignores SIGHUP, so that the program outlives the terminal. A handler
//! would undo that.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for the signals that ask the program to stop.
pub(crate) struct Signals {
    #[cfg(unix)]
    all: Vec<Signal>,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// If the system does not let us.
    pub(crate) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        {
            let ignored = ignored_by(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
            let mut all = vec![signal(SignalKind::terminate())?];
            for kind in [SignalKind::interrupt(), SignalKind::hangup()] {
                if !is_in(ignored, kind) {
                    all.push(signal(kind)?);
                }
            }
            Ok(Self { all })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Comes back once a signal asked us to stop.
    pub(crate) async fn stop(&mut self) {
        #[cfg(unix)]
        std::future::poll_fn(|context| {
            use std::task::Poll;
            match self.all.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The signals that a process ignores: `SigIgn` of `/proc/PID/status` (proc_pid_status(5)), bit N-1 for signal N. None
/// where there is no such file: the standard library cannot ask otherwise without unsafe code.
#[cfg(unix)]
fn ignored_by(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(unix)]
fn is_in(mask: u64, kind: SignalKind) -> bool {
    let bit = u32::try_from(kind.as_raw_value()).ok().and_then(|number| number.checked_sub(1));
    bit.and_then(|bit| mask.checked_shr(bit)).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_mask() {
        let background = ignored_by("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001002\nSigCgt:\t0\n");
        assert!(is_in(background, SignalKind::interrupt()));
        assert!(!is_in(background, SignalKind::hangup()));
        assert!(!is_in(background, SignalKind::terminate()));
        assert!(is_in(ignored_by("SigIgn:\t0000000000000001\n"), SignalKind::hangup()));
        for nothing in ["", "SigIgn:", "SigIgn:\tx\n", "SigCgt:\t0000000000000002\n"] {
            assert_eq!(ignored_by(nothing), 0, "{nothing}");
        }
    }
}
