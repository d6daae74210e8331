//! What can happen in the race.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use countersign_rules::{Command, Effect, Event, Fact, Phase, commit, effects};

use super::cast::{END_TICK, Race, instant, tick};
use super::law::observe;
use super::sabotage::Sabotage;
use super::world::{Change, Draft, Executor, Hand, Stored, World};

/// One step of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A tick of the clock.
    TimePasses,
    /// A voter or the requester loads the request.
    Load(Who),
    /// A timer fires, on time or late, and `expire` loads and decides.
    TimerFires(u8),
    /// It fires a second time.
    TimerFiresAgain(u8),
    /// It never will.
    TimerIsLost(u8),
    /// Whoever has loaded decides and writes.
    Write(Who),
    /// The same, but the answer of a write that succeeds is lost.
    WriteUnheard(usize),
    /// The stream's record is dispatched.
    Dispatch,
    /// Dispatch dies over it.
    DispatchCrashes,
    /// An executor is called once more.
    ExecuteAgain,
    /// An executor loads and decides to claim.
    Claim(usize),
    /// An executor runs the command.
    Run(usize),
    /// An executor loads and decides to report.
    Report(usize),
    /// An executor that has the claim dies.
    ExecutorCrashes(usize),
    /// Something becomes of a voter.
    Changes(Change),
    /// The sweep finds that time is over.
    Sweep,
    /// An admin settles what is unknown.
    Settle,
    /// A backup is made.
    Backup,
    /// The table is replaced by its backup, and the deployment's epoch raised.
    Restore,
    /// The new epoch reaches the request.
    RaiseEpoch,
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A voter: true approves.
    Voter(usize, bool),
    /// The requester.
    Requester,
    /// The function that a timer called.
    Expirer(usize),
    /// An executor.
    Executor(usize),
}

/// All steps that could be next; [`take`] says which of them change anything.
pub(super) fn possible(race: &Race, world: &World, steps: &mut Vec<Step>) {
    executors_steps(world, steps);
    if world.is_over(race) {
        return;
    }
    if world.clock < END_TICK {
        steps.push(Step::TimePasses);
    } else {
        steps.push(Step::Sweep);
    }
    for (voter, hand) in world.voters.iter().enumerate() {
        let (approval, rejection) = (Who::Voter(voter, true), Who::Voter(voter, false));
        match hand {
            Hand::Idle => steps.push(Step::Load(approval)),
            Hand::Loaded(_) => steps.extend([Step::Write(approval), Step::Write(rejection)]),
        }
    }
    match &world.requester {
        Hand::Idle if race.limits.cancels => steps.push(Step::Load(Who::Requester)),
        Hand::Idle => {}
        Hand::Loaded(_) => steps.push(Step::Write(Who::Requester)),
    }
    for (expirer, hand) in world.expirers.iter().enumerate() {
        if *hand != Hand::Idle {
            steps.push(Step::Write(Who::Expirer(expirer)));
        }
    }
    for set in (0..=END_TICK).filter(|tick| world.timers & (1 << tick) != 0) {
        steps.extend([Step::TimerFires(set), Step::TimerFiresAgain(set), Step::TimerIsLost(set)]);
    }
    if world.undispatched {
        steps.extend([Step::Dispatch, Step::DispatchCrashes]);
    }
    steps.push(Step::ExecuteAgain);
    let open = matches!(world.stored.0.phase, Phase::Pending | Phase::Approved(_));
    if race.limits.people_change && world.change == Change::None && open {
        let changes = [Change::FirstLeaves, Change::BothLeavesSecond, Change::SecondDisabled];
        steps.extend(changes.map(Step::Changes));
    }
    steps.push(Step::Settle);
    if race.limits.restores > 0 {
        steps.extend([Step::Backup, Step::Restore, Step::RaiseEpoch]);
    }
}

fn executors_steps(world: &World, steps: &mut Vec<Step>) {
    for (executor, does) in world.executors.iter().enumerate() {
        match does {
            Executor::Absent | Executor::Gone => {}
            Executor::Invoked => steps.push(Step::Claim(executor)),
            Executor::Claiming(_) => {
                steps.extend([Step::Write(Who::Executor(executor)), Step::WriteUnheard(executor)]);
            }
            Executor::Won => steps.extend([Step::Run(executor), Step::ExecutorCrashes(executor)]),
            Executor::Ran => steps.extend([Step::Report(executor), Step::ExecutorCrashes(executor)]),
            Executor::Reporting(_) => steps.push(Step::Write(Who::Executor(executor))),
        }
    }
}

/// The world after `step`; `None` if it changes nothing.
pub(super) fn take(race: &Race, world: &World, step: Step) -> Option<World> {
    let mut next = world.clone();
    match step {
        Step::TimePasses => next.clock += 1,
        Step::Load(who) => load(race, &mut next, who)?,
        Step::TimerFires(set) => timer_fires(race, &mut next, set, 1)?,
        Step::TimerFiresAgain(set) => {
            next.left.duplicates = next.left.duplicates.checked_sub(1)?;
            timer_fires(race, &mut next, set, 2)?;
        }
        Step::TimerIsLost(set) => {
            next.left.lost_timers = next.left.lost_timers.checked_sub(1)?;
            next.timers &= !(1 << set);
        }
        Step::Write(who) => write(race, &mut next, who, true)?,
        Step::WriteUnheard(executor) => {
            next.left.crashes = next.left.crashes.checked_sub(1)?;
            write(race, &mut next, Who::Executor(executor), false)?;
        }
        Step::Dispatch => dispatch(&mut next),
        Step::DispatchCrashes => {
            next.left.crashes = next.left.crashes.checked_sub(1)?;
            next.undispatched = false;
        }
        Step::ExecuteAgain => {
            let due = effects(&world.stored.0).contains(&Effect::Execute);
            next.left.duplicates = next.left.duplicates.checked_sub(1).filter(|_| due)?;
            invoke(&mut next);
        }
        Step::Claim(executor) => next.executors[executor] = claim(race, world, executor),
        Step::Run(executor) => {
            next.witness.runs += 1;
            next.executors[executor] = Executor::Ran;
        }
        Step::Report(executor) => {
            next.executors[executor] = match draft(race, world, race.script.complete(executor)) {
                Some(draft) => Executor::Reporting(draft),
                None => Executor::Gone,
            };
        }
        Step::ExecutorCrashes(executor) => {
            next.left.crashes = next.left.crashes.checked_sub(1)?;
            next.executors[executor] = Executor::Gone;
        }
        Step::Changes(change) => next.change = change,
        Step::Sweep => at_once(race, &mut next, &Command::Tick)?,
        Step::Settle => at_once(race, &mut next, &race.script.settle)?,
        Step::Backup => {
            if next.backup.is_some() || next.left.restores == 0 {
                return None;
            }
            next.backup = Some(world.stored.clone());
        }
        Step::Restore => restore(race, &mut next)?,
        Step::RaiseEpoch => at_once(race, &mut next, &Command::RaiseEpoch { epoch: world.epoch })?,
    }
    next.forget_what_is_alike(race);
    Some(next)
}

/// What who loads now has in hand; `None` if they would be refused, now and later, or have nothing to do.
fn draft(race: &Race, world: &World, command: &Command) -> Option<Draft> {
    let facts = race.decide(&world.stored.0, command, world.clock).ok()?;
    (!facts.is_empty()).then(|| as_loaded(race, world))
}

fn as_loaded(race: &Race, world: &World) -> Draft {
    let decided = race.limits.slow_writes.then_some(world.clock);
    Draft { read: world.stored.clone(), decided, change: world.change }
}

fn load(race: &Race, next: &mut World, who: Who) -> Option<()> {
    match who {
        Who::Voter(voter, _) => {
            let either = [true, false].map(|approves| race.script.vote(voter, approves, next.change));
            let draft = either.into_iter().find_map(|command| draft(race, next, command))?;
            next.voters[voter] = Hand::Loaded(draft);
        }
        Who::Requester => next.requester = Hand::Loaded(draft(race, next, &race.script.cancel)?),
        Who::Expirer(_) | Who::Executor(_) => return None,
    }
    Some(())
}

fn claim(race: &Race, world: &World, executor: usize) -> Executor {
    let command = race.script.claim(executor, world.change, world.clock, world.epoch);
    match race.decide(&world.stored.0, command, world.clock) {
        Ok(facts) if facts.is_empty() => Executor::Won,
        Ok(_) => Executor::Claiming(as_loaded(race, world)),
        Err(_) => Executor::Absent,
    }
}

/// A timer calls as many functions as `times`; one that comes too early or finds nothing to do
/// changes nothing, so it may as well come again.
fn timer_fires(race: &Race, next: &mut World, set: u8, times: usize) -> Option<()> {
    let draft = draft(race, next, &Command::Tick)?;
    if next.expirers != [Hand::Idle, Hand::Idle] {
        return None;
    }
    next.timers &= !(1 << set);
    for expirer in next.expirers.iter_mut().take(times) {
        *expirer = Hand::Loaded(draft.clone());
    }
    Some(())
}

fn dispatch(next: &mut World) {
    next.undispatched = false;
    for effect in effects(&next.stored.0) {
        match effect {
            Effect::WakeAt(at) => next.timers |= 1 << tick(at).min(END_TICK),
            Effect::Execute => invoke(next),
            // It races with nothing: `tests/it/promises.rs` shows that nothing is decided by it.
            Effect::Estimate => {}
        }
    }
}

fn invoke(next: &mut World) {
    if let Some(absent) = next.executors.iter_mut().find(|executor| **executor == Executor::Absent) {
        *absent = Executor::Invoked;
    }
}

/// Replaces what the table says by its backup. Whoever was about to write to the old table fails.
fn restore(race: &Race, next: &mut World) -> Option<()> {
    next.left.restores = next.left.restores.checked_sub(1)?;
    next.stored = next.backup.take()?;
    if race.sabotage != Some(Sabotage::RestoreKeepsTheEpoch) {
        next.epoch += 1;
    }
    next.undispatched = true;
    outdate(race, next);
    Some(())
}

fn write(race: &Race, next: &mut World, who: Who, heard: bool) -> Option<()> {
    let take = |hand: &mut Hand| match std::mem::replace(hand, Hand::Idle) {
        Hand::Loaded(draft) => Some(draft),
        Hand::Idle => None,
    };
    match who {
        Who::Voter(voter, approves) => {
            let draft = take(&mut next.voters[voter])?;
            commit_draft(race, next, race.script.vote(voter, approves, draft.change), &draft)?;
        }
        Who::Requester => {
            let draft = take(&mut next.requester)?;
            commit_draft(race, next, &race.script.cancel, &draft)?;
        }
        Who::Expirer(expirer) => {
            let draft = take(&mut next.expirers[expirer])?;
            commit_draft(race, next, &Command::Tick, &draft)?;
        }
        Who::Executor(executor) => write_executor(race, next, executor, heard),
    }
    Some(())
}

fn write_executor(race: &Race, next: &mut World, executor: usize, heard: bool) {
    let was = std::mem::replace(&mut next.executors[executor], Executor::Gone);
    next.executors[executor] = match was {
        Executor::Claiming(draft) => {
            let people_checked = race.sabotage != Some(Sabotage::PeopleMayChangeUnderTheClaim);
            if draft.change != next.change && people_checked {
                // The transaction's condition on the people fails.
                Executor::Invoked
            } else {
                let now = draft.decided.unwrap_or(next.clock);
                let command = race.script.claim(executor, draft.change, now, next.epoch);
                let events = commit_draft(race, next, command, &draft).unwrap_or_default();
                match events.first().map(|event| &event.fact) {
                    Some(_) if !heard => Executor::Invoked,
                    Some(Fact::Running { .. }) => Executor::Won,
                    _ => Executor::Absent,
                }
            }
        }
        Executor::Reporting(draft) => {
            commit_draft(race, next, race.script.complete(executor), &draft);
            Executor::Gone
        }
        Executor::Absent | Executor::Invoked | Executor::Won | Executor::Ran | Executor::Gone => was,
    };
}

/// Loads, decides and writes in one step.
fn at_once(race: &Race, next: &mut World, command: &Command) -> Option<()> {
    let draft = draft(race, next, command)?;
    commit_draft(race, next, command, &draft).map(|_| ())
}

/// Decides and writes; `None` if it is refused or done already.
fn commit_draft(race: &Race, next: &mut World, command: &Command, draft: &Draft) -> Option<Vec<Event>> {
    let now = draft.decided.unwrap_or(next.clock);
    let facts = race.decide(&draft.read.0, command, now).ok().filter(|facts| !facts.is_empty())?;
    assert!(race.forgets_versions() || draft.read.0.version == next.stored.0.version, "a stale write");
    let (actor, via) = command.actor();
    let (state, events) = commit(&draft.read.0, &actor, via, instant(now), facts).unwrap();
    observe(race, next, &events);
    next.stored = Stored(Arc::new(state));
    next.undispatched = true;
    outdate(race, next);
    Some(events)
}

/// Whoever has loaded an older version will lose, and load anew; see [`Hand::Idle`].
fn outdate(race: &Race, next: &mut World) {
    if race.forgets_versions() {
        return;
    }
    let mut conflicts = 0;
    let hands = next.voters.iter_mut().chain([&mut next.requester]).chain(&mut next.expirers);
    for hand in hands.filter(|hand| **hand != Hand::Idle) {
        *hand = Hand::Idle;
        conflicts += 1;
    }
    for executor in &mut next.executors {
        match executor {
            Executor::Claiming(_) => *executor = Executor::Invoked,
            Executor::Reporting(_) => *executor = Executor::Ran,
            Executor::Absent | Executor::Invoked | Executor::Won | Executor::Ran | Executor::Gone => continue,
        }
        conflicts += 1;
    }
    race.conflicts.fetch_add(conflicts, Ordering::Relaxed);
}
