//! The lease of a claim: renewed while the program runs, and what is sent as long as it holds.

use std::time::{Duration, Instant};

use countersign_rules::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use crate::client::{Again, Answer, Call, Client, Failure, Problem, ServerClock, back_off};

/// Our clock is cautious: a lease that is over by it may still hold for the service, which is asked for so
/// much longer.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// A claim that is ours, and until when.
pub(crate) struct Lease<'a> {
    client: &'a Client,
    id: &'a str,
    pub(crate) nonce: &'a str,
    silence: Duration,
    until: watch::Sender<Instant>,
}

/// Why something that is reported does not arrive.
pub(crate) enum Unsent {
    /// The service says no, whatever we do.
    Refused(Box<Problem>),
    /// There was no answer until the lease was over.
    Lost(String),
}

#[derive(Deserialize)]
struct Renewed {
    lease_until: Timestamp,
}

impl<'a> Lease<'a> {
    pub(crate) fn new(
        client: &'a Client,
        id: &'a str,
        nonce: &'a str,
        silence_seconds: u32,
        until: Until,
    ) -> Self {
        let silence = Duration::from_secs(silence_seconds.max(1).into());
        Self { client, id, nonce, silence, until: watch::Sender::new(until.instant()) }
    }

    /// Whether it holds, by the service's clock.
    pub(crate) fn holds(&self) -> bool {
        Instant::now() < *self.until.borrow()
    }

    /// Renews it again and again; comes back when the service says that it is over. Our own clock is
    /// too cautious to judge that: asking once more does no harm.
    pub(crate) async fn keep(&self) {
        let mut failed = 0;
        let mut pause = self.silence / 3;
        loop {
            tokio::time::sleep(pause).await;
            let renew = self.call("renew", json!({ "nonce": self.nonce }));
            let sent = Instant::now();
            pause = match self.client.once(&renew).await {
                Ok(answer) => {
                    failed = 0;
                    if let Ok(Renewed { lease_until }) = serde_json::from_slice(&answer.body) {
                        let until = Until { lease_until, clock: answer.clock, sent };
                        self.until.send_replace(until.instant());
                    }
                    self.silence / 3
                }
                Err(Failure::Refused(_)) => {
                    self.until.send_replace(Instant::now());
                    return;
                }
                Err(Failure::Lost { .. } | Failure::Busy { .. }) => {
                    failed += 1;
                    back_off(failed).min(self.silence / 3)
                }
            };
        }
    }

    /// A call about the request.
    pub(crate) fn call(&self, verb: &str, body: serde_json::Value) -> Call {
        Call::act(&["requests", self.id, verb], Some(body), Again::Always)
    }

    /// Sends a call, which changes nothing if it is repeated, again and again while the lease holds.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Unsent> {
        let mut failed = 0;
        loop {
            failed += 1;
            let (why, pause) = match self.client.once(call).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Refused(problem)) => return Err(Unsent::Refused(problem)),
                Err(Failure::Lost { cause, .. }) => (cause, back_off(failed)),
                Err(Failure::Busy { problem, retry_after }) => {
                    (problem.to_string(), retry_after.unwrap_or_else(|| back_off(failed)))
                }
            };
            if Instant::now() > *self.until.borrow() + AFTERWARDS {
                return Err(Unsent::Lost(why));
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// The end of a lease, as an answer says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until {
    /// By the service's clock.
    pub(crate) lease_until: Timestamp,
    /// That clock, read when the answer came.
    pub(crate) clock: ServerClock,
    /// When the call was sent. The answer may have been long under way, and the clock in it stood still.
    pub(crate) sent: Instant,
}

impl Until {
    /// The same by our clock; rather too early than too late: the service tells no parts of a second.
    fn instant(self) -> Instant {
        let now = self.clock.now().unix_timestamp_nanos() / 1_000_000 + 1000;
        let left = u64::try_from(i128::from(self.lease_until.unix_millis()) - now).unwrap_or(0);
        Instant::now() + Duration::from_millis(left).saturating_sub(self.sent.elapsed())
    }
}
