//! The approval rules a second time, written from DESIGN section 2 alone: slow, plain, and without
//! any state but the list of what was accepted. Every answer is found by reading that list again.
//!
//! Where several reasons to refuse hold at once, DESIGN does not say which is told, so all of them
//! are given.

use std::collections::BTreeSet;

use countersign_rules::command::{Ballot, Ending, Executor, People, Runner, Settlement};
use countersign_rules::request::{AutoCause, RunMode};
use countersign_rules::risk::{Guard, TableRows};
use countersign_rules::{
    Bounds, Command, Digest, GroupName, Person, Policy, Refusal, Status, Submission, Timestamp, TokenId,
    UserId,
};

use crate::matching::{covers_all, most_covered};

/// What was asked for, and everything that was accepted since.
#[derive(Debug, Clone)]
pub struct Book {
    requester: Person,
    policy: Policy,
    digest: Digest,
    epoch: u32,
    expires_at: Timestamp,
    /// Whether runners execute it, and if so whether they wait until they are told.
    runners: bool,
    waits_to_be_asked: bool,
    asks_the_target: bool,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    at: Timestamp,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Blocked,
    Estimated(Vec<TableRows>),
    NoVotesNeeded(AutoCause),
    Approval(Approval),
    Rejection(UserId),
    Reopened { still: Vec<Approval> },
    Cancelled { by_requester: bool },
    CancelledByCircumstances,
    TimedOut,
    Asked,
    Claimed { nonce: String, token: Option<TokenId>, lease_until: Timestamp, at_most: Timestamp },
    Alive { lease_until: Timestamp },
    Ended(Ending),
    LeaseLapsed,
    Restored,
    Settled(Settlement),
}

/// An approval that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Whose account.
    pub user: UserId,
    /// Whose.
    pub human: UserId,
    /// The groups for which it speaks.
    pub groups: BTreeSet<GroupName>,
    /// Whether an admin cast it by submitting.
    pub automatic: bool,
    /// What it is limited to.
    pub bounds: Bounds,
}

/// Whether an accepted command changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It did.
    Changed,
    /// It was so already.
    Unchanged,
}

/// Who has it.
#[derive(Clone)]
struct Held {
    nonce: String,
    token: Option<TokenId>,
    until: Timestamp,
    at_most: Timestamp,
}

/// What reading the list gives.
struct Reading {
    status: Status,
    approvals: Vec<Approval>,
    rejected_by: Option<UserId>,
    no_votes_needed: Option<AutoCause>,
    approved_at: Option<Timestamp>,
    asked: bool,
    claim: Option<Held>,
    ended: Option<Ending>,
    cancelled_by_requester: Option<bool>,
}

impl Book {
    /// Opens the book of a request with that digest; `None` if it cannot be submitted.
    #[must_use]
    pub fn open(asked: &Submission, now: Timestamp, digest: Digest) -> Option<Self> {
        let requester = asked.requester.clone();
        let timeout = asked.wanted_timeout_seconds.unwrap_or(asked.timeout_seconds);
        let acceptable = may_use(&asked.policy, &requester)
            && is_sensible(&asked.policy)
            && timeout >= 1
            && timeout <= asked.timeout_seconds;
        if !acceptable {
            return None;
        }
        let mut book = Self {
            requester,
            policy: asked.policy.clone(),
            digest,
            epoch: asked.epoch,
            expires_at: now.plus_seconds(timeout),
            runners: asked.kind == "runner",
            waits_to_be_asked: asked.run == RunMode::Manual,
            asks_the_target: asked.verdict.estimate,
            entries: Vec::new(),
        };
        if asked.verdict.block.is_some() {
            book.write(now, What::Blocked);
        } else if !book.policy.approvals {
            book.write(now, What::NoVotesNeeded(AutoCause::ApprovalsDisabled));
        } else if in_any(&book.requester, &book.policy.exempt_groups) {
            book.write(now, What::NoVotesNeeded(AutoCause::Exempt));
        } else if asked.verdict.ease.is_some() {
            book.write(now, What::NoVotesNeeded(AutoCause::Rule));
        } else if book.policy.admin_auto_approve && book.requester.is_admin() {
            let groups = book.review_groups(&book.requester);
            if !groups.is_empty() {
                let (user, human) = (book.requester.user, book.requester.human);
                book.write(
                    now,
                    What::Approval(Approval {
                        user,
                        human,
                        groups,
                        automatic: true,
                        bounds: Bounds::default(),
                    }),
                );
            }
        }
        Some(book)
    }

    /// The status that everybody must see at `now`.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Status {
        let reading = self.read();
        match reading.status {
            Status::Pending if now >= self.expires_at => Status::Expired,
            Status::Approved if now >= self.run_by(&reading) => Status::Expired,
            status => status,
        }
    }

    /// The approvals that stand.
    #[must_use]
    pub fn approvals(&self) -> Vec<Approval> {
        self.read().approvals
    }

    /// Why nobody else's vote is needed, if none is: the request is approved, or was, through it.
    #[must_use]
    pub fn automatic_cause(&self) -> Option<AutoCause> {
        let reading = self.read();
        let by_admin_alone = matches!(reading.approvals.as_slice(), [only] if only.automatic);
        match reading.no_votes_needed {
            Some(cause) => Some(cause),
            None if by_admin_alone && reading.approved_at == self.first_instant() => Some(AutoCause::Admin),
            None => None,
        }
    }

    /// Asks something of the request.
    ///
    /// # Errors
    /// All the reasons for which it is refused.
    pub fn ask(&mut self, command: &Command, now: Timestamp) -> Result<Answer, Vec<Refusal>> {
        match command {
            Command::Vote { voter, ballot, digest, .. } => self.vote(voter, ballot, *digest, now),
            Command::Cancel { by, .. } => self.cancel(by, now),
            Command::AskRun { by, .. } => self.ask_run(by, now),
            Command::Tick => Ok(self.tick(now)),
            Command::Estimate { tables, .. } => self.estimate(tables, now),
            Command::Claim { nonce, lease_until, people, digest, epoch, guard, executor } => {
                self.claim((nonce, executor), *lease_until, (people, *digest, *epoch, guard), now)
            }
            Command::Renew { nonce, runner } => self.renew(nonce, runner, now),
            Command::Complete { nonce, ending, executor } => {
                self.complete(nonce, executor.token(), ending, now)
            }
            Command::Settle { by, settlement, .. } => self.settle(by, *settlement, now),
            Command::RaiseEpoch { epoch } => Ok(self.raise_epoch(*epoch, now)),
        }
    }

    fn vote(
        &mut self,
        voter: &Person,
        ballot: &Ballot,
        digest: Digest,
        now: Timestamp,
    ) -> Result<Answer, Vec<Refusal>> {
        let reading = self.read();
        let groups = self.review_groups(voter);
        let before: Vec<_> = reading.approvals.iter().map(|approval| approval.groups.clone()).collect();
        let mut after: Vec<_> = reading.approvals.iter().filter(|a| a.human != voter.human).collect();
        let bounds = match ballot {
            Ballot::Approve { bounds, .. } => *bounds,
            Ballot::Reject { .. } => Bounds::default(),
        };
        let cast = Approval { user: voter.user, human: voter.human, groups, automatic: false, bounds };
        after.push(&cast);
        let after: Vec<_> = after.into_iter().map(|approval| approval.groups.clone()).collect();
        let enlarges = most_covered(&self.policy, &after) > most_covered(&self.policy, &before);
        let for_it = matches!(ballot, Ballot::Approve { .. });

        let mut reasons = Vec::new();
        if voter.disabled {
            reasons.push(Refusal::Disabled);
        }
        if voter.human == self.requester.human {
            reasons.push(Refusal::OwnRequest);
        }
        let own = reading.approvals.iter().find(|approval| approval.human == voter.human);
        let stands = if for_it {
            own.is_some_and(|approval| approval.bounds == bounds)
        } else {
            reading.rejected_by == Some(voter.human)
        };
        let counts_now = for_it && enlarges && self.status(now) == Status::Pending;
        if reasons.is_empty() && stands && digest == self.digest && !counts_now {
            return Ok(Answer::Unchanged);
        }
        if cast.groups.is_empty() {
            reasons.push(Refusal::NotReviewer);
        }
        if digest != self.digest {
            reasons.push(Refusal::DigestMismatch);
        }
        if for_it && own.is_some_and(|approval| approval.bounds != bounds) {
            reasons.push(Refusal::OtherBounds);
        }
        if !stands && bounds.not_after.is_some_and(|end| end <= now) {
            reasons.push(Refusal::BoundPassed);
        }
        if self.status(now) != Status::Pending {
            reasons.push(Refusal::Wrong(self.status(now)));
        } else if for_it && !enlarges {
            reasons.push(Refusal::VoteNotNeeded);
        }
        let what = if for_it { What::Approval(cast) } else { What::Rejection(voter.human) };
        self.write_unless(reasons, now, what)
    }

    fn cancel(&mut self, by: &Person, now: Timestamp) -> Result<Answer, Vec<Refusal>> {
        // A service account and its owner count as one person.
        let by_requester = by.human == self.requester.human;
        let mut reasons = Vec::new();
        if by.disabled {
            reasons.push(Refusal::Disabled);
        }
        if !by_requester && !by.is_admin() {
            reasons.push(Refusal::MayNotCancel);
        }
        if reasons.is_empty() && self.read().cancelled_by_requester == Some(by_requester) {
            return Ok(Answer::Unchanged);
        }
        let status = self.status(now);
        if status != Status::Pending && status != Status::Approved {
            reasons.push(Refusal::Wrong(status));
        }
        self.write_unless(reasons, now, What::Cancelled { by_requester })
    }

    fn ask_run(&mut self, by: &Person, now: Timestamp) -> Result<Answer, Vec<Refusal>> {
        let status = self.status(now);
        let mut reasons = Vec::new();
        if by.disabled {
            reasons.push(Refusal::Disabled);
        }
        if by.user != self.requester.user {
            reasons.push(Refusal::MayNotRun);
        }
        if ![Status::Approved, Status::Running, Status::Succeeded, Status::Failed].contains(&status) {
            reasons.push(Refusal::Wrong(status));
        }
        let needed = self.runners && self.waits_to_be_asked && !self.read().asked;
        if reasons.is_empty() && !(status == Status::Approved && needed) {
            return Ok(Answer::Unchanged);
        }
        self.write_unless(reasons, now, What::Asked)
    }

    fn renew(&mut self, nonce: &str, runner: &Runner, now: Timestamp) -> Result<Answer, Vec<Refusal>> {
        let reading = self.read();
        let mut reasons = Vec::new();
        if reading.status != Status::Running {
            reasons.push(Refusal::Wrong(reading.status));
        }
        let held = reading.claim.filter(|held| held.nonce == nonce && held.token == Some(runner.token));
        let Some(held) = held else {
            reasons.push(Refusal::NotTheClaimant);
            return Err(reasons);
        };
        if now >= held.until {
            reasons.push(Refusal::LeaseOver);
        }
        let lease_until = now.plus_seconds(runner.silence_seconds).min(held.at_most);
        if reasons.is_empty() && lease_until <= held.until {
            return Ok(Answer::Unchanged);
        }
        self.write_unless(reasons, now, What::Alive { lease_until })
    }

    fn estimate(&mut self, tables: &[TableRows], now: Timestamp) -> Result<Answer, Vec<Refusal>> {
        let status = self.status(now);
        if status != Status::Pending {
            return Err(vec![Refusal::Wrong(status)]);
        }
        if !self.asks_the_target || self.estimated().is_some() {
            return Ok(Answer::Unchanged);
        }
        self.write(now, What::Estimated(tables.to_vec()));
        Ok(Answer::Changed)
    }

    /// What the target has said of the rows, if it was asked.
    #[must_use]
    pub fn estimated(&self) -> Option<&[TableRows]> {
        self.entries.iter().find_map(|entry| match &entry.what {
            What::Estimated(tables) => Some(tables.as_slice()),
            _ => None,
        })
    }

    fn tick(&mut self, now: Timestamp) -> Answer {
        let reading = self.read();
        let lease_over = reading.claim.as_ref().is_some_and(|held| now >= held.until);
        if self.status(now) == Status::Expired && reading.status != Status::Expired {
            self.write(now, What::TimedOut);
            Answer::Changed
        } else if reading.status == Status::Running && lease_over {
            self.write(now, What::LeaseLapsed);
            Answer::Changed
        } else {
            Answer::Unchanged
        }
    }

    fn claim(
        &mut self,
        (nonce, executor): (&str, &Executor),
        lease_until: Timestamp,
        (people, digest, epoch, guard): (&People, Option<Digest>, u32, &Guard),
        now: Timestamp,
    ) -> Result<Answer, Vec<Refusal>> {
        let reading = self.read();
        if self.runners != executor.token().is_some() {
            return Err(vec![Refusal::OtherExecutor(if self.runners {
                "by runners"
            } else {
                "by the service"
            })]);
        }
        if let (Status::Running, Some(held)) = (reading.status, &reading.claim) {
            return match (held.nonce == nonce && held.token == executor.token(), now < held.until) {
                (true, true) => Ok(Answer::Unchanged),
                (true, false) => Err(vec![Refusal::LeaseOver]),
                (false, _) => Err(vec![Refusal::AlreadyClaimed]),
            };
        }
        let mut reasons = Vec::new();
        if self.runners && self.waits_to_be_asked && !reading.asked {
            reasons.push(Refusal::NotAsked);
        }
        if self.status(now) != Status::Approved {
            reasons.push(Refusal::Wrong(self.status(now)));
        }
        if epoch != self.epoch {
            reasons.push(Refusal::OtherEpoch);
        }
        let requester = people.by_user.get(&self.requester.user);
        let requester_may = requester.is_some_and(|person| may_use(&self.policy, person));
        if digest != Some(self.digest) || !requester_may || guard.blocked_by.is_some() {
            return self.write_unless(reasons, now, What::CancelledByCircumstances);
        }
        let still: Vec<Approval> = reading.approvals.iter().filter_map(|a| still_stands(a, people)).collect();
        let spoken_for: Vec<_> = still.iter().map(|approval| approval.groups.clone()).collect();
        let fine = match reading.no_votes_needed {
            Some(AutoCause::ApprovalsDisabled) => true,
            Some(AutoCause::Rule) => guard.eased,
            Some(AutoCause::Exempt) => requester.is_some_and(|p| in_any(p, &self.policy.exempt_groups)),
            Some(AutoCause::Admin) | None => covers_all(&self.policy, &spoken_for),
        };
        let what = if fine {
            if lease_until <= now {
                reasons.push(Refusal::LeaseOver);
            }
            let until = match executor {
                Executor::Service => lease_until,
                Executor::Runner(runner) => lease_until.min(now.plus_seconds(runner.silence_seconds)),
            };
            let (nonce, token) = (nonce.to_owned(), executor.token());
            What::Claimed { nonce, token, lease_until: until, at_most: lease_until }
        } else if now < self.expires_at {
            What::Reopened { still }
        } else {
            What::TimedOut
        };
        self.write_unless(reasons, now, what)
    }

    fn complete(
        &mut self,
        nonce: &str,
        token: Option<TokenId>,
        ending: &Ending,
        now: Timestamp,
    ) -> Result<Answer, Vec<Refusal>> {
        let reading = self.read();
        let holds_it = reading.claim.as_ref().is_some_and(|held| held.nonce == nonce && held.token == token);
        if holds_it && reading.ended.as_ref() == Some(ending) {
            return Ok(Answer::Unchanged);
        }
        let mut reasons = Vec::new();
        if reading.status != Status::Running {
            reasons.push(Refusal::Wrong(reading.status));
        }
        if !holds_it {
            reasons.push(Refusal::NotTheClaimant);
        }
        self.write_unless(reasons, now, What::Ended(ending.clone()))
    }

    fn settle(&mut self, by: &Person, how: Settlement, now: Timestamp) -> Result<Answer, Vec<Refusal>> {
        let mut reasons = Vec::new();
        if by.disabled {
            reasons.push(Refusal::Disabled);
        }
        if !by.is_admin() || by.human == self.requester.human {
            reasons.push(Refusal::MayNotSettle);
        }
        let status = self.read().status;
        if status != Status::Unknown {
            reasons.push(Refusal::Wrong(status));
        }
        self.write_unless(reasons, now, What::Settled(how))
    }

    fn raise_epoch(&mut self, epoch: u32, now: Timestamp) -> Answer {
        if epoch <= self.epoch {
            return Answer::Unchanged;
        }
        let what = match self.read().status {
            // Everybody has seen it expired by now; it does not become something else.
            Status::Pending if self.status(now) == Status::Expired => What::TimedOut,
            Status::Pending => What::CancelledByCircumstances,
            Status::Approved | Status::Running => What::Restored,
            _ => return Answer::Unchanged,
        };
        self.write(now, what);
        Answer::Changed
    }

    fn read(&self) -> Reading {
        let mut reading = Reading {
            status: Status::Pending,
            approvals: Vec::new(),
            rejected_by: None,
            no_votes_needed: None,
            approved_at: None,
            asked: false,
            claim: None,
            ended: None,
            cancelled_by_requester: None,
        };
        for entry in &self.entries {
            self.read_entry(entry, &mut reading);
        }
        reading
    }

    fn read_entry(&self, entry: &Entry, reading: &mut Reading) {
        match &entry.what {
            What::Blocked => reading.status = Status::Blocked,
            // It changes nothing of all this.
            What::Estimated(_) => {}
            What::NoVotesNeeded(cause) => {
                reading.no_votes_needed = Some(*cause);
                reading.approved_at = Some(entry.at);
                reading.status = Status::Approved;
            }
            What::Approval(approval) => {
                reading.approvals.retain(|earlier| earlier.human != approval.human);
                reading.approvals.push(approval.clone());
                let groups: Vec<_> = reading.approvals.iter().map(|a| a.groups.clone()).collect();
                if covers_all(&self.policy, &groups) {
                    reading.approved_at = Some(entry.at);
                    reading.status = Status::Approved;
                }
            }
            What::Rejection(human) => {
                reading.approvals.retain(|earlier| earlier.human != *human);
                reading.rejected_by = Some(*human);
                reading.status = Status::Rejected;
            }
            What::Reopened { still } => {
                reading.approvals.clone_from(still);
                reading.no_votes_needed = None;
                reading.approved_at = None;
                reading.asked = false;
                reading.status = Status::Pending;
            }
            What::Cancelled { by_requester } => {
                reading.cancelled_by_requester = Some(*by_requester);
                reading.status = Status::Cancelled;
            }
            What::CancelledByCircumstances => reading.status = Status::Cancelled,
            What::TimedOut => reading.status = Status::Expired,
            What::Asked => reading.asked = true,
            What::Claimed { nonce, token, lease_until, at_most } => {
                let (nonce, until) = (nonce.clone(), *lease_until);
                reading.claim = Some(Held { nonce, token: *token, until, at_most: *at_most });
                reading.status = Status::Running;
            }
            What::Alive { lease_until } => {
                if let Some(held) = &mut reading.claim {
                    held.until = *lease_until;
                }
            }
            What::Ended(ending) => {
                reading.ended = Some(ending.clone());
                reading.status = match ending {
                    Ending::Succeeded(_) => Status::Succeeded,
                    Ending::Failed(_) => Status::Failed,
                    Ending::Lost(_) => Status::Unknown,
                };
            }
            What::LeaseLapsed | What::Restored => reading.status = Status::Unknown,
            What::Settled(how) => {
                reading.ended = None;
                reading.status = match how {
                    Settlement::Succeeded => Status::Succeeded,
                    Settlement::Failed => Status::Failed,
                };
            }
        }
    }

    fn run_by(&self, reading: &Reading) -> Timestamp {
        let run_by = reading.approved_at.unwrap().plus_seconds(self.policy.run_within_seconds);
        let ends = reading.approvals.iter().filter_map(|approval| approval.bounds.not_after);
        ends.fold(run_by, Timestamp::min)
    }

    fn review_groups(&self, person: &Person) -> BTreeSet<GroupName> {
        self.policy.groups.iter().filter(|group| person.groups.contains(*group)).cloned().collect()
    }

    fn first_instant(&self) -> Option<Timestamp> {
        let entries = self.entries.iter().filter(|entry| !matches!(entry.what, What::Estimated(_)));
        entries.map(|entry| entry.at).next()
    }

    fn write(&mut self, at: Timestamp, what: What) {
        self.entries.push(Entry { at, what });
    }

    fn write_unless(
        &mut self,
        reasons: Vec<Refusal>,
        at: Timestamp,
        what: What,
    ) -> Result<Answer, Vec<Refusal>> {
        if reasons.is_empty() {
            self.write(at, what);
            Ok(Answer::Changed)
        } else {
            Err(reasons)
        }
    }
}

fn may_use(policy: &Policy, person: &Person) -> bool {
    !person.disabled && (policy.allowed_groups.is_empty() || in_any(person, &policy.allowed_groups))
}

fn in_any(person: &Person, groups: &BTreeSet<GroupName>) -> bool {
    person.groups.iter().any(|group| groups.contains(group))
}

fn is_sensible(policy: &Policy) -> bool {
    let names: BTreeSet<_> = policy.groups.iter().collect();
    let approvals = policy.groups.len() * usize::from(policy.approvals_per_group);
    names.len() == policy.groups.len()
        && names.len() <= 25
        && policy.approvals_per_group >= 1
        && approvals <= 60
        && (!policy.approvals || !names.is_empty())
        && policy.run_within_seconds >= 1
        && policy.max_rows.is_none_or(|rows| (1..=1_000_000_000_000).contains(&rows))
}

/// What is left of an approval: the voter enabled, still in the group, still admin if that was why.
fn still_stands(approval: &Approval, people: &People) -> Option<Approval> {
    let person = people.by_user.get(&approval.user)?;
    let entitled = !person.disabled && (!approval.automatic || person.is_admin());
    let groups: BTreeSet<_> =
        approval.groups.iter().filter(|g| person.groups.contains(*g)).cloned().collect();
    (entitled && !groups.is_empty()).then(|| Approval { groups, ..approval.clone() })
}
