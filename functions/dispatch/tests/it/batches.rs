//! Batches of stream records, against the Scheduler of the local platform.

use std::collections::BTreeSet;

use aws_sdk_scheduler::Client;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_app::aws::{Aws, AwsSettings, Inside};
use countersign_app::{App, Config, Invoker};
use countersign_dispatch::Dispatch;
use countersign_local::{Endpoints, Platform, PlatformConfig, Prepared};
use countersign_rules::command::Ballot;
use countersign_rules::request::RunMode;
use countersign_rules::risk::Estimate;
use countersign_rules::{
    Command, Person, Policy, Request, RequestId, Submission, Timestamp, UserId, Via, commit, decide, submit,
};
use countersign_storage::codec;
use countersign_timer::{Timer, TimerConfig, schedule_name};
use serde_json::{Value, json};

const GROUP: &str = "countersign";

struct Stage {
    /// Answers for as long as it lives.
    _platform: Prepared,
    aws: Aws,
    scheduler: Client,
}

impl Stage {
    async fn open() -> Self {
        let platform = Platform::prepare(PlatformConfig::new(([127, 0, 0, 1], 0).into())).await.unwrap();
        let endpoints = platform.endpoints();
        let settings = AwsSettings::local(Endpoints::SCHEDULER, Endpoints::SCHEDULER, Endpoints::LAMBDA);
        let inside = Inside::new(move |request| endpoints.clone().answer(request));
        let aws = Aws::new(settings.with_inside(inside));
        Self { _platform: platform, scheduler: aws.scheduler(), aws }
    }

    fn dispatch(&self) -> Dispatch {
        let lookup = |name: &str| match name {
            "COUNTERSIGN_TABLE" => Some("countersign".to_owned()),
            "COUNTERSIGN_EXECUTE_FUNCTION" => Some("execute".to_owned()),
            _ => None,
        };
        let config = Config::read(&lookup).unwrap();
        let timer = TimerConfig {
            group: GROUP.to_owned(),
            target_arn: Prepared::function_arn("expire"),
            role_arn: "arn:aws:iam::000000000000:role/local".to_owned(),
            dead_letter_arn: None,
        };
        let invoker = Invoker::new(&config, &self.aws).unwrap();
        Dispatch::new(App::new(config, &self.aws), Timer::new(self.aws.scheduler(), timer), invoker)
    }

    async fn is_set(&self, state: &Request) -> bool {
        let name = schedule_name(state.id, state.deadline().unwrap());
        self.scheduler.get_schedule().group_name(GROUP).name(name).send().await.is_ok()
    }

    async fn delete(&self, state: &Request) {
        let name = schedule_name(state.id, state.deadline().unwrap());
        self.scheduler.delete_schedule().group_name(GROUP).name(name).send().await.unwrap();
    }
}

#[tokio::test]
async fn of_a_request_in_a_batch_only_the_newest_state_counts() {
    let stage = Stage::open().await;
    let [pending, voted, approved] = states();
    let dispatch = stage.dispatch();
    // Records of an item come in order; one may come again.
    let answer = dispatch.handle(batch(&[&pending, &voted, &approved, &voted])).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert!(stage.is_set(&approved).await, "the time in which it may be run");
    assert!(!stage.is_set(&pending).await, "the time for votes is over");
}

#[tokio::test]
async fn a_deadline_that_stays_is_told_to_the_scheduler_once() {
    let stage = Stage::open().await;
    let [pending, voted, _] = states();
    assert_eq!(pending.deadline(), voted.deadline());
    let dispatch = stage.dispatch();
    dispatch.handle(batch(&[&pending])).await.unwrap();
    assert!(stage.is_set(&pending).await);

    // Gone, so that it would be seen if it were set again.
    stage.delete(&pending).await;
    dispatch.handle(batch(&[&voted])).await.unwrap();
    assert!(!stage.is_set(&voted).await, "this process has set it");
    stage.dispatch().handle(batch(&[&voted])).await.unwrap();
    assert!(stage.is_set(&voted).await, "another one does not know that");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named_and_holds_up_no_other() {
    let stage = Stage::open().await;
    let [pending, ..] = states();
    let mut batch = batch(&[&pending, &pending]);
    batch["Records"][0]["dynamodb"]["NewImage"]["doc"]["B"] = "?".into();
    let answer = stage.dispatch().handle(batch).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "1" }] }));
    assert!(stage.is_set(&pending).await);
}

#[tokio::test]
async fn an_estimate_that_cannot_be_asked_for_holds_up_nothing() {
    let stage = Stage::open().await;
    let [mut pending, ..] = states();
    pending.estimate = Some(Estimate::Wanted);
    // Nothing runs functions here: the invocation is refused.
    let answer = stage.dispatch().handle(batch(&[&pending])).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert!(stage.is_set(&pending).await);
}

fn batch(states: &[&Request]) -> Value {
    let record = |(position, state): (usize, &&Request)| {
        let doc = codec::compress(&serde_json::to_vec(state).unwrap()).unwrap();
        let image = json!({ "sk": { "S": "S" }, "doc": { "B": STANDARD.encode(doc) } });
        json!({ "dynamodb": { "SequenceNumber": (position + 1).to_string(), "NewImage": image } })
    };
    json!({ "Records": states.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// A request after its submission, after the first of two approvals, and after both.
fn states() -> [Request; 3] {
    // In the future, so that nothing is due.
    let now = Timestamp::from_unix_millis(4_000_000_000_000);
    let submission = Submission {
        id: RequestId::from_parts(now, 1),
        requester: person(0, &[]),
        via: Via::Api,
        connection: "prod-db".parse().unwrap(),
        kind: "postgres".to_owned(),
        target: "{}".to_owned(),
        secret: String::new(),
        command: "SELECT 1".to_owned(),
        reason: None,
        run: RunMode::Manual,
        run_mode: countersign_rules::StatementMode::Transaction,
        policy: Policy {
            version: 1,
            groups: vec!["dba-team".parse().unwrap(), "security-team".parse().unwrap()],
            approvals_per_group: 1,
            distinct_reviewers: true,
            admin_auto_approve: true,
            exempt_groups: BTreeSet::new(),
            allowed_groups: BTreeSet::new(),
            approvals: true,
            run_within_seconds: 7200,
            max_rows: None,
        },
        timeout_seconds: 3600,
        wanted_timeout_seconds: None,
        masking_version: 0,
        epoch: 1,
        verdict: countersign_rules::risk::Verdict::default(),
    };
    let (pending, _) = submit(&submission, now).unwrap();
    let voted = approved_by(&person(1, &["dba-team"]), &pending, now);
    let approved = approved_by(&person(2, &["security-team"]), &voted, now);
    [pending, voted, approved]
}

fn approved_by(voter: &Person, request: &Request, now: Timestamp) -> Request {
    let ballot = Ballot::Approve { comment: None, bounds: countersign_rules::Bounds::default() };
    let vote = Command::Vote { voter: voter.clone(), ballot, digest: request.digest, via: Via::Api };
    let facts = decide(request, &vote, now).unwrap();
    let (actor, via) = vote.actor();
    commit(request, &actor, via, now, facts).unwrap().0
}

fn person(number: u128, groups: &[&str]) -> Person {
    let user = UserId::from_parts(Timestamp::from_unix_millis(0), number);
    Person {
        user,
        human: user,
        email: format!("person-{number}@example.com"),
        groups: groups.iter().map(|name| name.parse().unwrap()).collect(),
        roles: BTreeSet::new(),
        disabled: false,
    }
}
