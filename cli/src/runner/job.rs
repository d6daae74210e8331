//! One command, from the claim to the report.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use countersign_masking::{Counts, Masker};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::deliver::{Delivered, deliver};
use super::grant::{Checked, Grant};
use super::lease::{Lease, Unsent, Until};
use super::lines::Lines;
use super::program::{End, start};
use super::programs::Programs;
use super::{Stop, Work};
use crate::client::{Again, Answer, Call, Client, Failure, Problem, back_off, random};

/// How long a claim is tried whose answer does not come. The same claim again is harmless.
const CLAIM_WITHIN: Duration = Duration::from_secs(60);

/// What a job needs.
pub(crate) struct Job<'a> {
    pub(crate) client: &'a Client,
    pub(crate) token: &'a str,
    pub(crate) programs: &'a Programs,
    pub(crate) grace: Duration,
    pub(crate) stop: watch::Receiver<Stop>,
}

/// What became of it, for the log: never the command, nor its output.
#[derive(Debug)]
pub(crate) enum Told {
    /// Somebody else has it, or it is over.
    NotOurs(Box<Problem>),
    /// Nobody knows whether it was claimed; it was not begun.
    NoAnswer(String),
    /// The answer to the claim is not to be believed; nothing was begun.
    NotBelieved(String),
    /// It was reported; so it stands there now.
    Reported(String),
    /// It ended, and the service does not want to hear or was not there to hear it.
    Unreported(String),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs(problem) => write!(f, "not claimed: {problem}"),
            Self::NoAnswer(cause) => write!(f, "not begun, for the claim was not answered: {cause}"),
            Self::NotBelieved(why) => write!(f, "not begun: {why}"),
            Self::Reported(status) => write!(f, "{status}"),
            Self::Unreported(why) => write!(f, "ended, but this could not be reported: {why}"),
        }
    }
}

/// What is reported.
struct Ended {
    outcome: &'static str,
    exit_code: Option<i32>,
    error: Option<String>,
    delivered: Delivered,
}

impl Job<'_> {
    /// Claims, runs and reports.
    pub(crate) async fn work(&self, work: &Work) -> Told {
        let nonce = format!("{:032x}", random());
        let (answer, sent) = match self.claim(work, &nonce).await {
            Ok(answered) => answered,
            Err(told) => return told,
        };
        let grant: Grant = match serde_json::from_slice(&answer.body) {
            Ok(grant) => grant,
            Err(error) => return Told::NotBelieved(format!("the grant cannot be read: {error}")),
        };
        if let Err(why) = grant.is_genuine(work, &nonce, self.token) {
            return Told::NotBelieved(why);
        }
        let until = Until { lease_until: grant.lease_until, clock: answer.clock, sent };
        let lease = Lease::new(self.client, &work.id, &nonce, grant.silence_seconds, until);
        let doing = async {
            let ended = match grant.check(self.programs) {
                Ok(checked) => self.run(checked, &lease).await,
                Err(why) => not_started(&why),
            };
            report(&lease, &ended).await
        };
        tokio::pin!(doing);
        tokio::select! {
            told = &mut doing => return told,
            // Whoever counts as dead goes on all the same: what was begun should come to its end.
            () = lease.keep() => {}
        }
        doing.await
    }

    async fn claim(&self, work: &Work, nonce: &str) -> Result<(Answer, Instant), Told> {
        let body = json!({ "digest": work.digest, "nonce": nonce });
        let call = Call::act(&["requests", &work.id, "claim"], Some(body), Again::Always);
        let began = Instant::now();
        let mut failed = 0;
        loop {
            failed += 1;
            let sent = Instant::now();
            let (cause, pause) = match self.client.once(&call).await {
                Ok(answer) => return Ok((answer, sent)),
                Err(Failure::Refused(problem)) => return Err(Told::NotOurs(problem)),
                Err(Failure::Lost { cause, .. }) => (cause, back_off(failed)),
                Err(Failure::Busy { problem, retry_after }) => {
                    (problem.to_string(), retry_after.unwrap_or_else(|| back_off(failed)))
                }
            };
            if began.elapsed() + pause > CLAIM_WITHIN {
                return Err(Told::NoAnswer(cause));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Runs what was checked.
    async fn run(&self, checked: Checked, lease: &Lease<'_>) -> Ended {
        let Checked { program, command, spec, masker, rules } = checked;
        // The answer may have been long under way: whoever counts as dead must not begin.
        if !lease.holds() {
            return not_started("the lease was over before the program could start");
        }
        let started = match start(&program, command) {
            Ok(started) => started,
            Err(why) => return not_started(&why),
        };
        let (watch, output) = started.part();
        let limit = spec.caps.statement_timeout();
        let lines = Lines::new(&masker, rules);
        let (end, delivered) = tokio::join!(
            watch.end(limit, self.grace, self.stop.clone()),
            deliver(output, lines, spec.caps, lease)
        );
        ended(end, delivered, limit, &masker)
    }
}

fn not_started(why: &str) -> Ended {
    let error = Some(format!("not started: {why}"));
    Ended { outcome: "failed", exit_code: None, error, delivered: Delivered::default() }
}

/// What the end of a program means.
fn ended(end: End, mut delivered: Delivered, limit: Duration, masker: &Masker) -> Ended {
    let (outcome, exit_code, error) = match end {
        End::Exited(status) => match (status.code(), status.signal()) {
            (Some(0), _) => ("succeeded", Some(0), None),
            (Some(code), _) => {
                ("failed", Some(code), Some(format!("the program ended with exit code {code}")))
            }
            (None, Some(signal)) => {
                ("failed", None, Some(format!("the program was ended by the signal {signal}")))
            }
            (None, None) => ("lost", None, Some("the system does not say how the program ended".to_owned())),
        },
        End::TimedOut => {
            let limit = limit.as_secs();
            let error = format!(
                "the time limit of {limit} s passed: the program and all its children were killed, and what they had done until then stands"
            );
            ("failed", None, Some(error))
        }
        End::Stopped => {
            let error = "the runner was told to stop: it killed the program, and what that had done until then stands";
            ("failed", None, Some(error.to_owned()))
        }
        End::Unknown(why) => ("lost", None, Some(format!("the program's end cannot be seen: {why}"))),
    };
    let lost = delivered.lost.take().map(|why| format!("a part of the output did not arrive: {why}"));
    let told: Vec<String> = [error, delivered.withheld.clone(), lost].into_iter().flatten().collect();
    let error = (!told.is_empty()).then(|| {
        let mut counts = Counts::default();
        let text = masker.message(&told.join("; "), &mut counts);
        text.unwrap_or_else(|_| "what there is to say of it could not be masked".to_owned())
    });
    Ended { outcome, exit_code, error, delivered }
}

async fn report(lease: &Lease<'_>, ended: &Ended) -> Told {
    let Ended { outcome, exit_code, error, delivered } = ended;
    let body = json!({
        "nonce": lease.nonce,
        "outcome": outcome,
        "exit_code": exit_code,
        "pieces": delivered.pieces,
        "missing_lines": delivered.missing,
        "withheld": delivered.withheld.is_some(),
        "masked": delivered.masked,
        "error": error,
    });
    match lease.send(&lease.call("complete", body)).await {
        Ok(answer) => {
            let status = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
            let status = status.get("status").and_then(Value::as_str).unwrap_or("reported");
            Told::Reported(super::line(status))
        }
        Err(Unsent::Refused(problem)) => Told::Unreported(problem.to_string()),
        Err(Unsent::Lost(why)) => Told::Unreported(why),
    }
}
