//! One life: a request and the people around it.

use std::time::{Duration, Instant};

use countersign_e2e::Answer;
use serde_json::{Value, json};

use crate::lives::caller::Caller;

/// What the people want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// One approval, then the requester runs it.
    Run,
    /// The same, and the requester runs it twice at once.
    RunTwice,
    /// One approval, and the service runs it; the requester waits, and asks if it does not begin.
    OnApproval,
    /// The same, and the requester goes away: whatever is lost, the service has to find.
    Unattended,
    /// Two groups, one of the voters in both, then the requester runs it.
    TwoGroups,
    /// One group approves, the other rejects.
    Reject,
    /// The requester calls it off at once.
    Cancel,
    /// Approved; the requester runs it and calls it off at the same time.
    CancelAndRun,
    /// Nobody decides.
    Ignore,
    /// Approved, but nobody runs it.
    Forget,
}

impl Plan {
    pub(crate) fn of(number: u32) -> Self {
        match number % 20 {
            0..=4 => Self::Run,
            5 => Self::RunTwice,
            6..=8 => Self::OnApproval,
            9 => Self::Unattended,
            10..=12 => Self::TwoGroups,
            13 | 14 => Self::Reject,
            15 => Self::Cancel,
            16 => Self::CancelAndRun,
            17 | 18 => Self::Ignore,
            _ => Self::Forget,
        }
    }

    fn connection(self) -> &'static str {
        match self {
            Self::TwoGroups | Self::Reject => "two-groups",
            Self::Forget => "in-haste",
            _ => "one-group",
        }
    }

    /// The ends that the plan may come to, killed or not.
    pub(crate) fn ends(self) -> &'static [&'static str] {
        match self {
            Self::Run | Self::RunTwice | Self::OnApproval | Self::Unattended | Self::TwoGroups => {
                &["SUCCEEDED", "UNKNOWN"]
            }
            Self::Reject => &["REJECTED"],
            Self::Cancel => &["CANCELLED"],
            Self::CancelAndRun => &["CANCELLED", "SUCCEEDED", "UNKNOWN"],
            Self::Ignore | Self::Forget => &["EXPIRED"],
        }
    }
}

/// A life that has ended.
pub(crate) struct Life {
    pub(crate) number: u32,
    pub(crate) plan: Plan,
    pub(crate) id: String,
    /// Whoever voted and was told that the vote stands.
    pub(crate) votes: Vec<(&'static str, &'static str)>,
    /// Every answer that a change got, in order.
    pub(crate) answers: Vec<Answer>,
    /// The request at its end.
    pub(crate) last: Answer,
}

pub(crate) fn command(number: u32) -> String {
    format!("INSERT INTO ran VALUES ({number})")
}

/// Lives one life to its end.
pub(crate) async fn live(caller: Caller, number: u32, plan: Plan) -> Life {
    let mut body = json!({ "connection": plan.connection(), "command": command(number) });
    if matches!(plan, Plan::OnApproval | Plan::Unattended) {
        body["run"] = json!("on_approval");
    }
    if plan == Plan::Ignore {
        body["timeout_seconds"] = json!(1 + number % 5);
    }
    let made = caller.call("alice", "POST", "/v1/requests", Some(&body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.text("/id").to_owned();
    let mut living = Living {
        caller,
        digest: made.text("/digest").to_owned(),
        id,
        votes: Vec::new(),
        answers: vec![made],
    };
    match plan {
        Plan::Run | Plan::OnApproval | Plan::Unattended | Plan::Forget => living.approve("dana").await,
        Plan::RunTwice | Plan::CancelAndRun => living.approve("rita").await,
        Plan::TwoGroups => {
            living.approve("rita").await;
            living.approve("sam").await;
        }
        Plan::Reject => {
            living.approve("dana").await;
            living.vote("sam", "reject", json!({ "digest": living.digest, "reason": "no" })).await;
        }
        Plan::Cancel | Plan::Ignore => {}
    }
    match plan {
        Plan::Run | Plan::TwoGroups => living.act("run").await,
        Plan::RunTwice => living.act_twice("run", "run").await,
        Plan::Cancel => living.act("cancel").await,
        Plan::CancelAndRun => living.act_twice("cancel", "run").await,
        Plan::OnApproval | Plan::Unattended | Plan::Reject | Plan::Ignore | Plan::Forget => {}
    }
    let last = living.end(plan).await;
    Life { number, plan, id: living.id, votes: living.votes, answers: living.answers, last }
}

struct Living {
    caller: Caller,
    id: String,
    digest: String,
    votes: Vec<(&'static str, &'static str)>,
    answers: Vec<Answer>,
}

impl Living {
    async fn approve(&mut self, who: &'static str) {
        self.vote(who, "approve", json!({ "digest": self.digest })).await;
    }

    async fn vote(&mut self, who: &'static str, verb: &'static str, body: Value) {
        let path = format!("/v1/requests/{}/{verb}", self.id);
        let answer = self.caller.call(who, "POST", &path, Some(&body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.votes.push((who, verb));
        self.answers.push(answer);
    }

    async fn act(&mut self, verb: &str) {
        let answer = self.caller.call("alice", "POST", &self.path(verb), None).await;
        self.answers.push(answer);
    }

    async fn act_twice(&mut self, one: &str, other: &str) {
        let (one, other) = (self.path(one), self.path(other));
        let (one, other) = tokio::join!(
            self.caller.call("alice", "POST", &one, None),
            self.caller.call("alice", "POST", &other, None)
        );
        // Which came first, nobody knows: the one that saw more.
        let mut both = [one, other];
        both.sort_by_key(|answer| answer.json["version"].as_u64());
        self.answers.extend(both);
    }

    fn path(&self, verb: &str) -> String {
        format!("/v1/requests/{}/{verb}", self.id)
    }

    /// Waits for the end. A requester whose approved command does not begin asks for it again.
    async fn end(&mut self, plan: Plan) -> Answer {
        let mut pause = Duration::from_millis(200);
        let mut looks = 0;
        let give_up_at = Instant::now() + Duration::from_secs(600);
        loop {
            let asked = Instant::now();
            let now = self.caller.show(&self.id).await;
            let took = asked.elapsed();
            assert_eq!(now.status, 200, "what was made is there: {now:?}");
            match now.state() {
                "PENDING" | "RUNNING" => {}
                "APPROVED" => {
                    let patience = match plan {
                        Plan::Unattended | Plan::Forget => u32::MAX,
                        Plan::OnApproval => 8,
                        _ => 4,
                    };
                    looks += 1;
                    if looks % patience == 0 {
                        self.act("run").await;
                    }
                }
                _ => return now,
            }
            assert!(Instant::now() < give_up_at, "it has no end: {now:?}");
            // Whoever sees that the service is busy comes less often.
            tokio::time::sleep(pause.max(took * 4)).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
}
