//! People who ask again where no answer came.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_e2e::{Answer, Serve};
use serde_json::Value;
use tokio::sync::watch;

const PEOPLE: [&str; 5] = ["alice", "dana", "sam", "rita", "audra"];

/// Whoever calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Caller {
    client: reqwest::Client,
    /// Where the service is; nowhere while it is being restarted.
    place: watch::Receiver<Option<String>>,
    tokens: Arc<BTreeMap<&'static str, String>>,
    answered: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
    late: Arc<AtomicU64>,
}

impl Caller {
    pub(crate) fn new(serve: &Serve) -> (Self, watch::Sender<Option<String>>) {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap();
        let (here, place) = watch::channel(Some(serve.url().to_owned()));
        let tokens = PEOPLE.into_iter().map(|name| (name, serve.token(name))).collect();
        let caller = Self {
            client,
            place,
            tokens: Arc::new(tokens),
            answered: Arc::default(),
            lost: Arc::default(),
            late: Arc::default(),
        };
        (caller, here)
    }

    /// How many changes were answered with success so far.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// How many calls got no answer.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// How many calls the gateway gave up.
    pub(crate) fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    pub(crate) async fn until_answered(&self, so_many: u64) {
        while self.answered() < so_many {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Calls until there is an answer that is one.
    pub(crate) async fn call(&self, who: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut place = self.place.clone();
        loop {
            let url = place.wait_for(Option::is_some).await.unwrap().clone().unwrap();
            let Some(answer) = self.once(who, method, &format!("{url}{path}"), body).await else {
                self.lost.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            match answer.status {
                // No answer in time: what was asked for may still happen.
                504 => {
                    self.late.fetch_add(1, Ordering::Relaxed);
                }
                // Busy: told to come again.
                503 | 429 => {
                    let pause: u64 =
                        answer.header("retry-after").parse().expect("it says when to come again");
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                }
                500.. => panic!("{method} {path}: {answer:?}"),
                _ => {
                    if method == "POST" && answer.status < 300 {
                        self.answered.fetch_add(1, Ordering::Relaxed);
                    }
                    return answer;
                }
            }
        }
    }

    async fn once(&self, who: &str, method: &str, url: &str, body: Option<&Value>) -> Option<Answer> {
        let mut request = self.client.request(method.parse().unwrap(), url).bearer_auth(&self.tokens[who]);
        if let Some(body) = body {
            request = request.json(body);
            if let Some(command) = body.get("command").and_then(Value::as_str) {
                // Each life has a command of its own; what is submitted again carries the same key.
                request = request.header("idempotency-key", command.replace(' ', "-"));
            }
        }
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let json = serde_json::from_slice(&response.bytes().await.ok()?).ok()?;
        Some(Answer { status, headers, json })
    }

    pub(crate) async fn show(&self, id: &str) -> Answer {
        self.call("alice", "GET", &format!("/v1/requests/{id}"), None).await
    }

    pub(crate) async fn events(&self, id: &str) -> Vec<Value> {
        let answer = self.call("audra", "GET", &format!("/v1/requests/{id}/events"), None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.items().to_vec()
    }
}

/// The `number`th pick of a seed from that range.
pub(crate) fn pick(seed: u64, number: u64, range: Range<u64>) -> u64 {
    // SplitMix64.
    let mut mixed = seed.wrapping_add((number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    range.start + (mixed ^ (mixed >> 31)) % (range.end - range.start)
}
