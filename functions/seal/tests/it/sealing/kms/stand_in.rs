//! Something that speaks as much of KMS's JSON protocol as signing needs, really signs, and refuses what KMS
//! refuses of an Ed25519 key.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_audit::SigningKey;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

pub(crate) const ALIAS: &str = "alias/checkpoints";

/// What comes instead of a signature.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Refusal(&'static str),
    /// A signature by some other key.
    OtherSignature,
}

#[derive(Default)]
struct Inside {
    /// The alias leads to the last one.
    keys: Vec<SigningKey>,
    spec: String,
    /// What it says to the next signature.
    fault: Option<Fault>,
    calls: Vec<(String, Value)>,
}

/// A running stand-in.
#[derive(Clone)]
pub(crate) struct StandIn {
    pub(crate) url: String,
    inside: Arc<Mutex<Inside>>,
}

fn arn(number: usize) -> String {
    format!("arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-{number:012}")
}

impl StandIn {
    /// With one Ed25519 key behind the alias.
    pub(crate) async fn start() -> Self {
        let inside = Inside { spec: "ECC_NIST_EDWARDS25519".to_owned(), ..Inside::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stand_in = Self { url, inside: Arc::new(Mutex::new(inside)) };
        stand_in.put_key_behind_the_alias(7);
        let router = Router::new().fallback(answer).with_state(stand_in.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        stand_in
    }

    pub(crate) fn put_key_behind_the_alias(&self, seed: u8) {
        let key = SigningKey::parse(&format!("{seed:02x}").repeat(32)).unwrap();
        self.inside.lock().unwrap().keys.push(key);
    }

    pub(crate) fn says_the_key_is(&self, spec: &str) {
        spec.clone_into(&mut self.inside.lock().unwrap().spec);
    }

    /// What comes instead of the next signature.
    pub(crate) fn plan(&self, fault: Fault) {
        self.inside.lock().unwrap().fault = Some(fault);
    }

    /// What was asked since this was asked last: operation and key.
    pub(crate) fn calls(&self) -> Vec<(String, String)> {
        let calls = std::mem::take(&mut self.inside.lock().unwrap().calls);
        let key = |body: &Value| body["KeyId"].as_str().unwrap().to_owned();
        calls.into_iter().map(|(operation, body)| (operation, key(&body))).collect()
    }

    pub(crate) fn arn(number: usize) -> String {
        arn(number)
    }
}

fn refusal(code: &str) -> Response {
    let body = json!({ "__type": code, "message": "on demand: hush" });
    (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.1")], body.to_string())
        .into_response()
}

fn said(body: &Value) -> Response {
    ([("content-type", "application/x-amz-json-1.1")], body.to_string()).into_response()
}

async fn answer(
    State(stand_in): State<StandIn>,
    method: Method,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!((method, header("content-type")), (Method::POST, "application/x-amz-json-1.1"));
    let authorization = header("authorization");
    assert!(authorization.contains("/eu-central-1/kms/aws4_request"), "{authorization}");
    assert!(authorization.contains("x-amz-target"), "{authorization}");
    let operation = header("x-amz-target").strip_prefix("TrentService.").unwrap().to_owned();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    let mut inside = stand_in.inside.lock().unwrap();
    inside.calls.push((operation.clone(), body.clone()));
    let fault = if operation == "Sign" { inside.fault.take() } else { None };
    if let Some(Fault::Refusal(code)) = fault {
        return refusal(code);
    }
    let wanted = body["KeyId"].as_str().unwrap();
    let number = match wanted {
        ALIAS => inside.keys.len().checked_sub(1),
        wanted => (0..inside.keys.len()).find(|number| arn(*number) == wanted),
    };
    let Some(number) = number else { return refusal("NotFoundException") };
    let key = &inside.keys[number];
    match operation.as_str() {
        "GetPublicKey" => said(&json!({
            "KeyId": arn(number), "KeySpec": inside.spec, "CustomerMasterKeySpec": inside.spec,
            "KeyUsage": "SIGN_VERIFY", "PublicKey": STANDARD.encode(key.public().to_spki()),
            "SigningAlgorithms": ["ED25519_PH_SHA_512", "ED25519_SHA_512"],
        })),
        "Sign" => sign(key, number, &body, matches!(fault, Some(Fault::OtherSignature))),
        other => panic!("nobody asks for {other}"),
    }
}

/// As KMS does: `ED25519_SHA_512` signs a whole message, of at most 4,096 bytes, and nothing else.
fn sign(key: &SigningKey, number: usize, body: &Value, wrong: bool) -> Response {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let message = STANDARD.decode(text("Message")).unwrap();
    if text("SigningAlgorithm") != "ED25519_SHA_512" {
        return refusal("InvalidKeyUsageException");
    }
    if text("MessageType") != "RAW" || !(1..=4096).contains(&message.len()) {
        return refusal("ValidationException");
    }
    let other = SigningKey::parse(&"09".repeat(32)).unwrap();
    let signature = if wrong { other.sign(&message) } else { key.sign(&message) };
    said(&json!({ "KeyId": arn(number), "Signature": signature, "SigningAlgorithm": "ED25519_SHA_512" }))
}
