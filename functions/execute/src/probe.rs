//! Whether a connection works: each of its secrets is resolved and used to ask the target who one is.
//! No command runs, and nothing of a secret is in the answer.

use countersign_app::probe::{Check, Purpose, TEST_LIMIT, TestProblem, TestReport};
use countersign_rules::ConnectionName;
use countersign_storage::{Connection, Key};
use countersign_targets::{Problem, Secret, TargetSpec, Tested};
use tokio::time::timeout;

use crate::{Execute, ExecuteError, spec_of};

impl Execute {
    /// Tests a connection with each of the secrets that it names, all at the same time.
    pub(crate) async fn test(&self, name: &ConnectionName) -> Result<TestReport, ExecuteError> {
        let found = self.app.store.read("test", &[Key::Connection(name.clone())]).await?;
        let Some(connection) = found.connection(name)? else {
            let gone = "the connection was deleted just now";
            return Ok(TestReport::of(vec![Check::fails(Purpose::Run, TestProblem::Settings, gone)]));
        };
        let spec = match spec_of(&connection) {
            Ok(spec) => spec,
            Err(why) => {
                return Ok(TestReport::of(vec![Check::fails(Purpose::Run, TestProblem::Settings, why)]));
            }
        };
        let run = self.check(Purpose::Run, connection.secret.as_deref(), &spec);
        let read = self.check_named(Purpose::Read, connection.read_secret.as_deref(), &spec);
        let estimate = self.check_named(Purpose::Estimate, connection.estimate_secret.as_deref(), &spec);
        let key = self.check_key(&connection);
        let (run, read, estimate, key) = tokio::join!(run, read, estimate, key);
        tracing::info!(connection = %name, works = run.works, "tested");
        Ok(TestReport::of([Some(run), read, estimate, key].into_iter().flatten().collect()))
    }

    /// The same for a secret that a connection may do without.
    async fn check_named(&self, purpose: Purpose, secret: Option<&str>, spec: &TargetSpec) -> Option<Check> {
        match secret {
            Some(secret) => Some(self.check(purpose, Some(secret), spec).await),
            None => None,
        }
    }

    async fn check(&self, purpose: Purpose, secret: Option<&str>, spec: &TargetSpec) -> Check {
        let work = async {
            let secret = match secret {
                None => None,
                Some(reference) => match self.resolve(reference).await {
                    Ok(secret) => Some(secret),
                    Err(why) => return Check::fails(purpose, TestProblem::Secret, unresolved(&why)),
                },
            };
            self.connect(purpose, secret.as_ref(), spec).await
        };
        timeout(TEST_LIMIT, work).await.unwrap_or_else(|_| {
            let limit = TEST_LIMIT.as_secs();
            let why = format!(
                "nothing answers within {limit} s: check host and port, and that a firewall or security \
                 group lets the executor through"
            );
            Check::fails(purpose, TestProblem::NoAnswer, why)
        })
    }

    async fn connect(&self, purpose: Purpose, secret: Option<&Secret>, spec: &TargetSpec) -> Check {
        match countersign_targets::test(spec, secret, &self.environment).await {
            Ok(tested) => found(purpose, tested),
            Err(error) => Check::fails(purpose, problem(error.problem), error.to_string()),
        }
    }

    /// Whether the key of the masking style `hash` is there. What it is, only the masker knows.
    async fn check_key(&self, connection: &Connection) -> Option<Check> {
        let reference = connection.masking_key.as_deref()?;
        Some(match timeout(TEST_LIMIT, self.resolve(reference)).await {
            Ok(Ok(_)) => Check::works(Purpose::MaskingKey),
            Ok(Err(why)) => Check::fails(Purpose::MaskingKey, TestProblem::Secret, unresolved(&why)),
            Err(_) => Check::fails(
                Purpose::MaskingKey,
                TestProblem::Secret,
                unresolved(&format!("no answer within {} s", TEST_LIMIT.as_secs())),
            ),
        })
    }
}

fn unresolved(why: &str) -> String {
    format!("the secret cannot be resolved where commands run ({why})")
}

/// What a connection that works leads to, and what is doubtful about a user for that purpose.
fn found(purpose: Purpose, tested: Tested) -> Check {
    let mut notes = tested.notes;
    if purpose != Purpose::Run && tested.may_write == Some(true) {
        notes.push(match purpose {
            Purpose::Estimate => {
                "this user may change something: that is needed where writes shall be estimated, and \
                 nothing else should be granted to it"
                    .to_owned()
            }
            Purpose::Run | Purpose::Read | Purpose::MaskingKey => {
                "this user may change something: name the secret of one who may only read".to_owned()
            }
        });
    }
    Check {
        server: Some(tested.server),
        database: tested.database,
        user: tested.user,
        encrypted: tested.encrypted,
        may_write: tested.may_write,
        notes,
        ..Check::works(purpose)
    }
}

fn problem(problem: Problem) -> TestProblem {
    match problem {
        Problem::Settings => TestProblem::Settings,
        Problem::HostNotFound => TestProblem::HostNotFound,
        Problem::Refused => TestProblem::Refused,
        Problem::NoAnswer => TestProblem::NoAnswer,
        Problem::Tls => TestProblem::Tls,
        Problem::Credentials => TestProblem::Credentials,
        Problem::NoSuchDatabase => TestProblem::NoSuchDatabase,
        Problem::Blocked => TestProblem::Blocked,
        Problem::Other => TestProblem::Other,
    }
}
