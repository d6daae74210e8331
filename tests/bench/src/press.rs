//! Cold presses: `callback` is started anew for each press of Approve in Slack.
//!
//! From the start of the process to its answer, with the vote in DynamoDB Local's table, which is
//! reached by TLS as AWS is. Each press is signed when the function has asked for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use countersign_app::App;
use countersign_app::app::random;
use countersign_notify::slack::button::Subject;
use countersign_rules::event::Decision;
use countersign_rules::{UserId, Via};
use serde_json::{Value, json};

use crate::figures::{median, percentile, verdict};
use crate::lambda::sandbox::{Sandbox, binary};
use crate::lambda::slack;
use crate::lambda::tls::Identity;
use crate::life;
use crate::stage::{Stage, text};

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Presses, each of which starts the function
    #[arg(long, default_value_t = 50)]
    starts: usize,
    /// Where the built functions are
    #[arg(long, default_value = "target/lambda-fat/lambda")]
    artifacts: PathBuf,
}

const MOST_MILLIS: f64 = 150.0;
/// Presses that do not count. It is the function that starts cold: DynamoDB Local, a Java program, is several
/// times slower until it was compiled while it ran, which DynamoDB is not.
const WARM_UP: usize = 50;
/// Where the URL of a running DynamoDB Local is looked for.
const DYNAMODB_LOCAL_URL: &str = "COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL";
/// One vote is enough there.
const CONNECTION: &str = "demo-db";
/// Who votes, and who that is in Slack.
const REVIEWER: &str = "dana";
const SLACK_USER: &str = "U0DANA";

/// What the function finds, and what is left to be pressed.
struct Scene {
    /// On the table, beside the function.
    app: App,
    binary: PathBuf,
    environment: Vec<(String, String)>,
    /// Stands before the table.
    table: Identity,
    reviewer: UserId,
    /// A request that waits, for each press.
    waiting: Vec<Subject>,
}

/// How long one start took, in milliseconds.
struct Took {
    to_poll: f64,
    to_answer: f64,
    /// How much of that was waiting for the table.
    table: f64,
}

/// Measures and prints.
///
/// # Errors
/// If the function does not start, answers otherwise than it should, or the vote does not stand.
pub async fn measure(options: &Options) -> Result<()> {
    ensure!(options.starts > 0, "expected at least one start, got `--starts 0`");
    let binary = binary(&options.artifacts, "callback")?;
    let dir = tempfile::tempdir()?;
    let scene = Scene::make(dir.path(), binary, WARM_UP + options.starts).await?;
    let mut took = Vec::with_capacity(scene.waiting.len());
    for subject in &scene.waiting {
        took.push(scene.press(subject).await?);
    }
    report(took.get(WARM_UP..).unwrap_or_default());
    Ok(())
}

impl Scene {
    /// Makes it in `dir` and in a table of its own; what made it has ended when this returns.
    async fn make(dir: &Path, binary: PathBuf, presses: usize) -> Result<Self> {
        let dynamodb = std::env::var(DYNAMODB_LOCAL_URL).with_context(|| {
            format!(
                "`{DYNAMODB_LOCAL_URL}` must name a running DynamoDB Local, such as `http://127.0.0.1:8000`"
            )
        })?;
        // It keeps its tables as long as it runs.
        let table = format!("press-{:032x}", random()?);
        let own = [("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb), ("COUNTERSIGN_TABLE", &table)];
        let own: BTreeMap<String, String> =
            own.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let Stage { opened, api } = Stage::open_in(&dir.join("data"), own).await?;
        let service = opened.run().await?;
        let settings = json!({
            "bot_token": "env:SLACK_BOT_TOKEN", "signing_secret": "env:SLACK_SIGNING_SECRET",
            "app_id": slack::APP, "team_id": slack::TEAM,
        });
        api.call("root", "PUT", "/v1/integrations/slack", Some(&settings)).await?;
        let link = api.post(REVIEWER, "/v1/me/slack-links", &json!({ "slack_user_id": SLACK_USER })).await?;
        let wish = json!({ "connection": CONNECTION, "command": life::COMMAND, "reason": "INC-1234" });
        let mut waiting = Vec::with_capacity(presses);
        for _ in 0..presses {
            let request = api.post("alice", "/v1/requests", &wish).await?;
            ensure!(text(&request, "status")? == "PENDING", "expected a request that waits, got {request}");
            let (request, digest) = (text(&request, "id")?.parse()?, text(&request, "digest")?.parse()?);
            waiting.push(Subject { request, digest });
        }
        let app = service.app.clone();
        // Its sweep would come between.
        service.shutdown().await;
        let bundle = dir.join("roots.pem");
        let identity = Identity::make(&bundle)?;
        let environment = environment(&table, &identity.before(&dynamodb).await?, &bundle);
        let reviewer = api.person(REVIEWER, "id")?.parse()?;
        let scene = Self { app, binary, environment, table: identity, reviewer, waiting };
        scene.link(text(&link, "code")?).await?;
        Ok(scene)
    }

    /// Has the reviewer prove who they are in Slack, by the same function.
    async fn link(&self, code: &str) -> Result<()> {
        let mut sandbox = Sandbox::start(&self.binary, &self.environment).await?;
        let event = slack::command(SLACK_USER, &format!("link {code}"), self.app.now())?;
        let (_, answer) = sandbox.invoke(&event).await?;
        let user = self.app.store.user(self.reviewer).await?;
        let linked = user.and_then(|stored| stored.user.slack_user_id);
        ensure!(
            linked.as_deref() == Some(SLACK_USER),
            "expected that {REVIEWER} is {SLACK_USER} in Slack, got {linked:?} and the answer {answer}"
        );
        Ok(())
    }

    /// Starts the function, presses Approve, and looks whether the vote stands.
    async fn press(&self, subject: &Subject) -> Result<Took> {
        let waited_before = self.table.waited();
        let mut sandbox = Sandbox::start(&self.binary, &self.environment).await?;
        let event = slack::press(SLACK_USER, subject, self.app.now())?;
        let (answered, answer) = sandbox.invoke(&event).await?;
        let waited = self.table.waited().saturating_sub(waited_before);
        // Whoever may not is told so with 200 and words.
        let words = answer.get("body").and_then(Value::as_str).unwrap_or_default();
        ensure!(
            answer.get("statusCode") == Some(&json!(200)) && words.is_empty(),
            "expected 200 and no words, got {answer}"
        );
        let request = self.app.store.load(subject.request).await?;
        let request = request.with_context(|| format!("{} is not in the table", subject.request))?;
        let stands = request.votes.iter().any(|vote| {
            vote.user == self.reviewer && vote.decision == Decision::Approve && vote.via == Via::Slack
        });
        ensure!(
            stands,
            "expected an approval by {REVIEWER} through Slack in {}, got {:?}",
            request.id,
            request.votes
        );
        let [to_poll, to_answer, table] =
            [sandbox.first_poll, answered, waited].map(|time| time.as_secs_f64() * 1000.0);
        Ok(Took { to_poll, to_answer, table })
    }
}

/// The variables that the template gives to `callback` in a deployment with Slack, and those that
/// Lambda sets itself. A test compares the names.
fn environment(table: &str, dynamodb: &str, bundle: &Path) -> Vec<(String, String)> {
    let bundle = bundle.display().to_string();
    [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_CA_BUNDLE", &bundle),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("COUNTERSIGN_TABLE", table),
        ("COUNTERSIGN_EPOCH", "1"),
        ("COUNTERSIGN_LOG", "info"),
        ("COUNTERSIGN_CALLS_PER_SECOND", "50"),
        ("COUNTERSIGN_OIDC_ISSUER", ""),
        ("COUNTERSIGN_OIDC_CLIENT_ID", ""),
        ("COUNTERSIGN_OIDC_AUDIENCE", ""),
        ("COUNTERSIGN_OIDC_SCOPES", "openid email profile"),
        ("COUNTERSIGN_OIDC_GROUPS_CLAIM", "groups"),
        ("COUNTERSIGN_OIDC_ADMIN_GROUP", ""),
        ("COUNTERSIGN_OIDC_AUDITOR_GROUP", ""),
        ("COUNTERSIGN_PUBLIC_URL", "https://countersign.example"),
        ("COUNTERSIGN_EXECUTE_FUNCTION", "countersign-execute"),
        ("COUNTERSIGN_MAX_WAIT_SECONDS", "20"),
        ("SLACK_SIGNING_SECRET", slack::SECRET),
        ("SLACK_BOT_TOKEN", "xoxb-measured"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn report(took: &[Took]) {
    let to_poll: Vec<f64> = took.iter().map(|took| took.to_poll).collect();
    let to_answer: Vec<f64> = took.iter().map(|took| took.to_answer).collect();
    let table: Vec<f64> = took.iter().map(|took| took.table).collect();
    println!("{} cold presses of Approve; ms from the start of the process", took.len());
    println!("{:<20} {:>8} {:>8} {:>8}", "", "median", "p90", "p99");
    let rows = [("to first poll", &to_poll), ("to the answer", &to_answer), ("of it for the table", &table)];
    for (name, millis) in rows {
        let [ninety, ninety_nine] = [90, 99].map(|of_a_hundred| percentile(millis, of_a_hundred));
        println!("{name:<20} {:>8.2} {ninety:>8.2} {ninety_nine:>8.2}", median(millis));
    }
    let most = percentile(&to_answer, 99);
    println!(
        "answered after {most:.2} ms in 99 of 100 (budget {MOST_MILLIS}): {}",
        verdict(most <= MOST_MILLIS)
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names of variables between two lines of the template.
    fn named(template: &str, from: &str, to: &str) -> BTreeSet<String> {
        let (_, part) = template.split_once(from).unwrap();
        let (part, _) = part.split_once(to).unwrap();
        let names = part.lines().filter_map(|line| Some(line.trim().split_once(':')?.0));
        let is_name =
            |name: &&str| name.contains('_') && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        names.filter(is_name).map(str::to_owned).collect()
    }

    #[test]
    fn the_function_finds_the_variables_of_the_template_and_those_of_lambda() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/template.yaml");
        let template = std::fs::read_to_string(path).unwrap();
        let mut expected = named(&template, "\nGlobals:\n", "\nResources:\n");
        expected.extend(named(&template, "\n  CallbackFunction:\n", "\n  CallbackRole:\n"));
        let of_lambda = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CA_BUNDLE"];
        expected.extend(of_lambda.map(str::to_owned));
        let given = environment("t", "https://localhost", Path::new("roots.pem"));
        assert_eq!(given.into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>(), expected);
    }
}
