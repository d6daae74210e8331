//! What to do next while a request is followed: a pure state machine. It knows no clock, no network
//! and no terminal; time comes in as the time since it began, answers come in as [`Input`].

use std::time::Duration;

use time::OffsetDateTime;

use crate::client::{Problem, Request, Status};

/// How long one call waits for a change at the service.
const WAIT_SECONDS: u64 = 20;
/// An approved request that nobody claimed for that long is asked to run again: the invocation may
/// have been lost, and the claim lets it run once at most.
const RUN_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// The same where the service starts it by itself, which takes a moment longer.
const RUN_BY_HAND_AFTER: Duration = Duration::from_secs(10);
/// A state without a long poll of its own is looked at that often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Beyond a deadline, how long to wait for contact before giving up.
const MARGIN: Duration = Duration::from_secs(30);
/// The same for a command that was running: it may take long, and its outcome matters.
const RUNNING_MARGIN: Duration = Duration::from_secs(600);

/// What came back.
pub(crate) enum Input {
    /// The request as it stands.
    Answer {
        /// The request.
        request: Box<Request>,
        /// The service's clock, to know when deadlines are.
        server_now: OffsetDateTime,
        /// When to ask again at the earliest.
        retry_after: Option<Duration>,
    },
    /// No answer, or one that says to come again.
    Lost {
        /// Why.
        why: String,
        /// When to come again at the earliest.
        retry_after: Option<Duration>,
    },
    /// A refusal.
    Refused(Box<Problem>),
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Look at the request.
    Look {
        /// Pause before.
        after: Duration,
        /// Whether the service shall answer only once something changed.
        wait: Option<Wait>,
    },
    /// Ask the service to run it.
    Run {
        /// Pause before.
        after: Duration,
    },
    /// Nothing more comes.
    End(Ending),
}

/// A look that waits at the service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// For how long at most, in seconds.
    pub(crate) seconds: u64,
    /// For a version greater than that.
    pub(crate) since_version: u64,
}

/// Why nothing more comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The request reached a state that it does not leave by itself; it tells which.
    Settled,
    /// The service refuses to go on.
    Refused,
    /// No contact, and the time of the request is over.
    LostContact,
}

/// Contact with the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Contact {
    /// The last call was answered.
    Good,
    /// It was not, nor any since then.
    Lost {
        /// When that began.
        since: Duration,
        /// How many attempts failed.
        attempts: u32,
        /// Why the last one did.
        why: String,
    },
}

/// Which call is under way or comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Look,
    Run,
}

/// A request that is being followed.
pub(crate) struct State {
    /// As it was last seen.
    pub(crate) request: Request,
    /// Whether the service answers.
    pub(crate) contact: Contact,
    /// The refusal that ended it.
    pub(crate) refusal: Option<Box<Problem>>,
    /// When the deadline of the current state passes, on our own clock.
    deadline: Option<Duration>,
    /// When the current state was first seen.
    pub(crate) status_since: Duration,
    /// When running it was last asked for, in this approval.
    run_asked: Option<Duration>,
    /// Which call is under way, and since when.
    call: Call,
    called: Duration,
}

/// Begins to follow a request, as it stood when the service's clock showed `server_now`.
pub(crate) fn start(now: Duration, request: Request, server_now: OffsetDateTime) -> (State, Action) {
    let state = State {
        deadline: deadline(&request, now, server_now),
        status_since: now,
        run_asked: None,
        contact: Contact::Good,
        refusal: None,
        call: Call::Look,
        called: now,
        request,
    };
    next(state, now, Duration::ZERO)
}

/// Takes in what came back and says what to do next.
pub(crate) fn step(state: State, now: Duration, input: Input) -> (State, Action) {
    match input {
        Input::Answer { request, server_now, retry_after } => {
            seen(state, now, *request, server_now, retry_after)
        }
        Input::Lost { why, retry_after } => lost(state, now, why, retry_after),
        Input::Refused(problem) => refused(state, now, problem),
    }
}

fn deadline(request: &Request, now: Duration, server_now: OffsetDateTime) -> Option<Duration> {
    let left = Duration::try_from(request.deadline()? - server_now).unwrap_or_default();
    Some(now + left)
}

fn seen(
    mut state: State,
    now: Duration,
    mut request: Request,
    server_now: OffsetDateTime,
    retry_after: Option<Duration>,
) -> (State, Action) {
    state.contact = Contact::Good;
    request.keep_approvers_of(&state.request);
    let changed = request.version > state.request.version || request.status != state.request.status;
    // Answers may come from an older read than the one before.
    if request.version >= state.request.version {
        if request.status != state.request.status {
            state.status_since = now;
            if request.status == Status::Pending {
                // Reopened: an approval became void, and the next one starts anew.
                state.run_asked = None;
            }
        }
        state.deadline = deadline(&request, now, server_now);
        state.request = request;
    }
    // A service that answers at once although nothing changed must not make us spin.
    let at_once = !changed && now.saturating_sub(state.called) < LOOK_EVERY;
    let least = if at_once { LOOK_EVERY } else { Duration::ZERO };
    next(state, now, retry_after.unwrap_or_default().max(least))
}

fn next(mut state: State, now: Duration, pause: Duration) -> (State, Action) {
    let action = match &state.request.status {
        Status::Pending | Status::Running => state.look(now, pause),
        Status::Other(_) => state.look(now, pause.max(LOOK_EVERY)),
        Status::Approved => {
            let by_service = state.request.run == "on_approval";
            let patience = if by_service { RUN_BY_HAND_AFTER } else { RUN_AGAIN_AFTER };
            let asked = state.run_asked.or(by_service.then_some(state.status_since));
            match asked {
                Some(asked) if now.saturating_sub(asked) < patience => {
                    // No waiting at the service: the point is to notice that nothing changes.
                    Action::Look { after: pause.max(LOOK_EVERY), wait: None }
                }
                _ => Action::Run { after: Duration::ZERO },
            }
        }
        Status::Succeeded
        | Status::Failed
        | Status::Blocked
        | Status::Rejected
        | Status::Expired
        | Status::Cancelled
        | Status::Unknown => Action::End(Ending::Settled),
    };
    state.called = now;
    state.call = Call::Look;
    if let Action::Run { .. } = action {
        state.run_asked = Some(now);
        state.call = Call::Run;
    }
    (state, action)
}

fn lost(mut state: State, now: Duration, why: String, retry_after: Option<Duration>) -> (State, Action) {
    let (since, attempts) = match state.contact {
        Contact::Good => (now, 1),
        Contact::Lost { since, attempts, .. } => (since, attempts + 1),
    };
    state.contact = Contact::Lost { since, attempts, why };
    let margin = if state.request.status == Status::Running { RUNNING_MARGIN } else { MARGIN };
    let end = state.deadline.unwrap_or_default().max(since) + margin;
    if now >= end {
        return (state, Action::End(Ending::LostContact));
    }
    let after = retry_after.unwrap_or_else(|| pause_after(attempts)).min(MARGIN);
    // A run whose answer was lost may have begun: look first, [`next`] asks again if it did not.
    state.call = Call::Look;
    state.called = now;
    (state, Action::Look { after, wait: None })
}

/// Quick at first, for a restart; then every five seconds.
fn pause_after(attempts: u32) -> Duration {
    Duration::from_millis(250)
        .saturating_mul(1 << attempts.saturating_sub(1).min(5))
        .min(Duration::from_secs(5))
}

fn refused(mut state: State, now: Duration, problem: Box<Problem>) -> (State, Action) {
    // Something else happened first (it expired, was cancelled, runs already): see what.
    let overtaken = state.call == Call::Run && problem.status == 409;
    // Only its requester starts a request by hand; where the service does, watching is enough.
    let only_watching =
        state.call == Call::Run && problem.status == 403 && state.request.run == "on_approval";
    if overtaken || only_watching {
        state.run_asked = Some(now);
        state.call = Call::Look;
        state.called = now;
        return (state, Action::Look { after: Duration::from_millis(200), wait: None });
    }
    state.refusal = Some(problem);
    (state, Action::End(Ending::Refused))
}

impl State {
    /// A look that waits at the service, but not beyond the deadline: what happens then happens to
    /// the request without anybody writing it.
    fn look(&self, now: Duration, after: Duration) -> Action {
        let left = self.left(now).filter(|_| self.request.status == Status::Pending);
        let seconds = left.map_or(WAIT_SECONDS, |left| WAIT_SECONDS.min(left.as_secs() + 1));
        Action::Look { after, wait: Some(Wait { seconds, since_version: self.request.version }) }
    }

    /// How long until the deadline of the current state, if it has one.
    pub(crate) fn left(&self, now: Duration) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_sub(now))
    }

    /// Whether the service was asked to run it.
    pub(crate) fn is_starting(&self) -> bool {
        self.request.status == Status::Approved && self.run_asked.is_some()
    }
}
