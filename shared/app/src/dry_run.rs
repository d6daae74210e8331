//! A dry run: what would become of a command if it were submitted now. Nothing is recorded, nobody is notified and
//! nothing runs.
//!
//! `execute` judges the command, because it holds the parsers, and has the target plan it for an estimate, because it
//! holds the secrets. Who would be asked follows from the policy and the people as they are now.
//!
//! **Invariant:** the answer tells a caller nothing about rows that they may not read. The estimate has one
//! significant digit, and calls are limited per person.

use std::collections::BTreeSet;

use countersign_http::Problem;
use countersign_rules::quorum::{self, Candidate, satisfiable};
use countersign_rules::request::AutoApproval;
use countersign_rules::risk::{Block, Risk, Verdict};
use countersign_rules::submit::{Outlook, needs_votes, outlook, verdict_in};
use countersign_rules::{ConnectionName, GroupName, Person, Policy, StatementMode, Timestamp, UserId};
use countersign_storage::Connection;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::{InvokeError, Invoker};
use crate::assess::{Assess, Assessment};
pub use crate::corpus::{CheckOutcome, SourceError};
use crate::directory::Known;
use crate::submit::{check_command, check_mode, check_text, usable};
use crate::view::GroupStatus;
use crate::{App, Caller, errors};

/// The most dry runs of a person in a minute, over all their accounts.
pub const DRY_RUNS_PER_MINUTE: u32 = 60;
/// How many people a group is shown with.
const MAX_EMAILS: usize = 10;

/// A command to try.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = NewDryRun)]
#[serde(deny_unknown_fields)]
pub struct NewCheck {
    /// The command, at most 100 KiB of UTF-8 without U+0000.
    #[schema(min_length = 1, max_length = 102_400)]
    pub command: String,
    /// The reason that the request would have.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub reason: Option<String>,
    /// How its statements would take effect: `transaction` by default.
    #[serde(default)]
    pub run_mode: Option<StatementMode>,
    /// A bound on changed rows that a reviewer might set.
    #[serde(default)]
    pub max_rows: Option<u64>,
}

/// What would become of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DryRun)]
pub struct Check {
    /// What would become of it.
    pub outcome: CheckOutcome,
    /// The rule that blocks or approves it.
    #[schema(required = true)]
    pub rule: Option<String>,
    /// Why it is blocked.
    #[schema(required = true)]
    pub message: Option<String>,
    /// How it would be approved without another person.
    #[schema(required = true)]
    pub auto_approval: Option<AutoApproval>,
    /// The groups that would have to approve; empty unless it needs approval.
    pub groups: Vec<CheckGroup>,
    /// Whether the people of these groups can give the approvals now, without the requester. True if it needs none,
    /// false if it is blocked.
    pub satisfiable: bool,
    /// What the command does.
    #[schema(required = true)]
    pub risk: Option<Risk>,
    /// How many rows it touches by the target's own guess, to one digit; null if the connection has no secret for
    /// estimates, or the target gave none.
    #[schema(required = true)]
    pub estimate: Option<String>,
    /// The columns of the output that would be masked; null as long as they are not known before a run.
    #[schema(required = true)]
    pub masked_columns: Option<Vec<MaskedColumn>>,
    /// Whether the number of changed rows can be limited.
    pub row_bound: RowBound,
    /// Where the command could not be understood.
    pub errors: Vec<SourceError>,
    /// What else stands in the way: groups without enough members, a missing reason.
    pub warnings: Vec<String>,
}

/// A reviewer group in a dry run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DryRunGroup)]
pub struct CheckGroup {
    /// Its name.
    pub group: GroupName,
    /// How many approvals it must give.
    #[schema(minimum = 1)]
    pub required: u8,
    /// How many people can approve for it now. The requester is not among them.
    pub eligible: usize,
    /// The addresses of at most 10 of them, in alphabetical order.
    #[schema(max_items = 10)]
    pub emails: Vec<String>,
    /// `APPROVED` if submitting counts as its approval, because the requester is an admin in it.
    pub status: GroupStatus,
}

/// A column that would be masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MaskedColumn {
    /// The column.
    pub column: String,
    /// Why.
    pub why: String,
}

/// Whether the number of changed rows can be limited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RowBound {
    /// Whether a bound can be enforced.
    pub possible: bool,
    /// Why not.
    #[schema(required = true)]
    pub why: Option<String>,
    /// The bound that would hold: the smaller of the connection's and the one that was asked for.
    #[schema(required = true)]
    pub max_rows: Option<u64>,
}

/// What `execute` is invoked with for the estimate of a dry run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanEvent {
    /// What to plan.
    pub plan: Plan,
}

/// A command that a target plans and does not run.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// On which connection.
    pub connection: ConnectionName,
    /// The command.
    pub command: String,
}

/// Commands never reach a `Debug`.
impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// In words, to one digit.
    pub estimate: Option<String>,
}

impl Invoker {
    /// Has a command planned, and waits for the answer.
    ///
    /// # Errors
    /// If the function that runs commands did not answer.
    pub fn plan<'a>(&'a self, event: &'a PlanEvent) -> BoxFuture<'a, Result<Planned, InvokeError>> {
        Box::pin(async move { self.ask(event).await })
    }
}

impl App {
    /// What would become of a command if the caller submitted it now on a connection that is [`submittable`].
    ///
    /// # Errors
    /// 413 and 422 for commands that cannot be submitted, 429 for too many dry runs, 503 if the people or the judgement cannot be had.
    pub fn dry_run<'a>(
        &'a self,
        caller: &'a Caller,
        connection: Connection,
        body: &'a NewCheck,
    ) -> BoxFuture<'a, Result<Check, Problem>> {
        Box::pin(async move {
            let person = caller.person();
            self.count_dry_run(&person).await?;
            let mode = body.run_mode.unwrap_or_default();
            check_command(&body.command)?;
            check_mode(&connection, mode)?;
            if body.max_rows.is_some_and(|rows| i64::try_from(rows).is_err()) {
                let detail = format!("`max_rows` must be between 0 and {}", i64::MAX);
                return Err(Problem::invalid(detail).at("/max_rows", "out of range"));
            }
            let reason = body.reason.as_deref().filter(|reason| !reason.trim().is_empty());
            if let Some(reason) = reason {
                check_text("/reason", reason)?;
            }
            let assess = Assess {
                connection: connection.clone(),
                command: Some(body.command.clone()),
                needs_votes: needs_votes(&connection.policy(), &person),
                text: None,
                statements: None,
            };
            let (assessment, known) = tokio::join!(self.assess(assess), self.known());
            let known = known.map_err(|error| errors::storage(&error))?;
            let assessment = assessment?;
            let policy = connection.policy();
            let verdict = assessment.verdict.clone().ok_or_else(Problem::internal)?;
            let verdict = verdict_in(mode, &policy, verdict);
            let estimate = match verdict.estimate {
                true => self.planned(&connection.name, &body.command).await,
                false => None,
            };
            let forecast = Forecast { policy: &policy, requester: &person, known: &known };
            let mut check = forecast.check(&assessment, &verdict, body.max_rows);
            check.estimate = estimate;
            if connection.require_reason && reason.is_none() {
                check.warnings.push("this connection requires a reason".to_owned());
            }
            Ok(check)
        })
    }

    /// Counts a dry run of a person.
    ///
    /// # Errors
    /// 429 if there were too many in this minute.
    pub async fn count_dry_run(&self, person: &Person) -> Result<(), Problem> {
        let now = self.now();
        let counted = self.store.count_dry_run(person.human, now, DRY_RUNS_PER_MINUTE).await;
        if counted.map_err(|error| errors::storage(&error))? { Ok(()) } else { Err(too_many(now)) }
    }

    /// The estimate of a command; none if the target gives none.
    async fn planned(&self, connection: &ConnectionName, command: &str) -> Option<String> {
        let plan = Plan { connection: connection.clone(), command: command.to_owned() };
        let planned = self.assessor.as_ref()?.plan(&PlanEvent { plan }).await;
        planned.inspect_err(|error| tracing::warn!(%error, %connection, "no estimate")).ok()?.estimate
    }
}

/// The connection, if a person may submit there. It does not exist for anyone else.
///
/// # Errors
/// 404.
pub fn submittable(connection: Option<Connection>, person: &Person) -> Result<Connection, Problem> {
    let connection = usable(connection)?;
    match connection.policy().allows(&person.groups) {
        true => Ok(connection),
        false => Err(Problem::not_found("connection")),
    }
}

fn too_many(now: Timestamp) -> Problem {
    let left = 60 - now.unix_seconds().rem_euclid(60);
    let detail = format!(
        "you have had {DRY_RUNS_PER_MINUTE} dry runs in this minute, the most that one person may have; wait {left} s"
    );
    Problem::too_many_of("too-many-checks", detail, u32::try_from(left).unwrap_or(60))
}

/// What a dry run is decided by, besides the judgement of the command.
pub struct Forecast<'a> {
    /// The policy of the connection.
    pub policy: &'a Policy,
    /// Who would submit.
    pub requester: &'a Person,
    /// Who could approve.
    pub known: &'a Known,
}

impl Forecast<'_> {
    /// What would become of a command with that judgement.
    #[must_use]
    pub fn check(&self, assessment: &Assessment, verdict: &Verdict, max_rows: Option<u64>) -> Check {
        let no_row_bound = match &verdict.risk {
            Some(risk) => risk.no_row_bound.clone(),
            None => Some("it is not known what the command does".to_owned()),
        };
        let bounds = [self.policy.max_rows, max_rows];
        let mut check = Check {
            outcome: CheckOutcome::NeedsApproval,
            rule: None,
            message: None,
            auto_approval: None,
            groups: Vec::new(),
            satisfiable: true,
            risk: verdict.risk.clone(),
            estimate: None,
            masked_columns: None,
            row_bound: RowBound {
                possible: no_row_bound.is_none(),
                why: no_row_bound,
                max_rows: bounds.into_iter().flatten().min(),
            },
            errors: assessment.errors.clone(),
            warnings: Vec::new(),
        };
        match outlook(self.policy, self.requester, verdict) {
            Outlook::Blocked(Block { rule, message }) => {
                check.outcome = CheckOutcome::Blocked;
                check.satisfiable = false;
                (check.rule, check.message) = (Some(rule), Some(message));
            }
            Outlook::AutoApproved(approval) => {
                check.outcome = CheckOutcome::AutoApproved;
                check.rule.clone_from(&approval.rule);
                check.auto_approval = Some(approval);
            }
            Outlook::NeedsApproval { own_vote } => {
                check.groups = self.groups(&own_vote);
                check.satisfiable = self.is_satisfiable(&own_vote);
                if !check.satisfiable {
                    check.warnings = self.known.warnings(self.policy, Some(self.requester.human));
                }
            }
        }
        check
    }

    fn groups(&self, own_vote: &BTreeSet<GroupName>) -> Vec<CheckGroup> {
        let required = self.policy.approvals_per_group;
        let given = quorum::coverage(self.policy, &[own_vote]).by_group;
        let group = |(group, given): (&GroupName, Vec<usize>)| {
            let people = self.known.who_can_approve(group, self.requester.human);
            let approved = given.len() >= usize::from(required);
            CheckGroup {
                group: group.clone(),
                required,
                eligible: self.eligible(group),
                emails: people.iter().take(MAX_EMAILS).map(|&email| email.to_owned()).collect(),
                status: if approved { GroupStatus::Approved } else { GroupStatus::Pending },
            }
        };
        self.policy.groups.iter().zip(given).map(group).collect()
    }

    /// People, not accounts: two accounts of a person give one approval.
    fn eligible(&self, group: &GroupName) -> usize {
        self.known.in_any([group]).iter().filter(|human| **human != self.requester.human).count()
    }

    fn is_satisfiable(&self, own_vote: &BTreeSet<GroupName>) -> bool {
        let others = self.known.humans.iter().filter(|(human, _)| **human != self.requester.human);
        let mut candidates: Vec<Candidate<'_>> =
            others.map(|(human, groups)| Candidate { human: *human, groups }).collect();
        candidates.push(Candidate { human: self.requester.human, groups: own_vote });
        satisfiable(self.policy, &candidates, None)
    }
}

/// A requester without groups and roles: any person who may submit.
#[must_use]
pub fn anyone() -> Person {
    let nobody = UserId::from_parts(Timestamp::from_unix_millis(0), 0);
    Person {
        user: nobody,
        human: nobody,
        email: String::new(),
        groups: BTreeSet::new(),
        roles: BTreeSet::new(),
        disabled: false,
    }
}
