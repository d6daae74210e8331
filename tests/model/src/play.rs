//! Runs a history on the real rules.

use countersign_rules::submit::Unsubmittable;
use countersign_rules::{Command, Event, Refusal, Request, Timestamp, commit, decide, submit};

use crate::history::{History, World};

/// What the rules said to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It was done, and these events were written.
    Done(Vec<Event>),
    /// It was done already; nothing was written.
    AlreadyDone,
    /// It was refused; nothing was written.
    Refused(Refusal),
}

/// One command and what became of it.
#[derive(Debug, Clone)]
pub struct Turn {
    /// When.
    pub now: Timestamp,
    /// What was asked.
    pub command: Command,
    /// The request before.
    pub before: Request,
    /// The answer.
    pub said: Said,
    /// The request after.
    pub after: Request,
}

/// A history that was played to its end.
#[derive(Debug, Clone)]
pub struct Played {
    /// The first state.
    pub born: Request,
    /// The events of each commit, the first one's included.
    pub commits: Vec<Vec<Event>>,
    /// All commands, in order.
    pub turns: Vec<Turn>,
    /// The last state.
    pub request: Request,
    /// The world as it is at the end.
    pub world: World,
}

impl Played {
    /// All events, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.commits.concat()
    }
}

/// Plays a history; the steps do not happen if the request cannot be submitted.
///
/// # Errors
/// If the request cannot be submitted.
pub fn play(history: &History) -> Result<Played, Unsubmittable> {
    let mut world = World::new(&history.universe);
    let (born, events) = submit(&history.universe.submission, world.now)?;
    let mut commits = vec![events];
    let mut turns = Vec::new();
    let mut request = born.clone();
    for step in &history.steps {
        let Some(command) = world.step(*step, request.digest) else {
            continue;
        };
        let before = request.clone();
        let said = ask(&mut request, &command, world.now);
        if let Said::Done(events) = &said {
            commits.push(events.clone());
        }
        turns.push(Turn { now: world.now, command, before, said, after: request.clone() });
    }
    Ok(Played { born, commits, turns, request, world })
}

/// Asks one thing of a request, as every function does: decide, and commit if there is something.
pub fn ask(request: &mut Request, command: &Command, now: Timestamp) -> Said {
    match decide(request, command, now) {
        Err(refusal) => Said::Refused(refusal),
        Ok(facts) if facts.is_empty() => Said::AlreadyDone,
        Ok(facts) => {
            let (actor, via) = command.actor();
            let (next, events) = commit(request, &actor, via, now, facts).unwrap();
            *request = next;
            Said::Done(events)
        }
    }
}
