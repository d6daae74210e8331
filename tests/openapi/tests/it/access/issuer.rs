//! An OpenID issuer on this machine, through which the people of the table sign in.
//!
//! It asks nobody for a password: whoever the test names goes to the sign-in page, comes to the issuer, and goes
//! back with a code, as a browser would. Its keys are of ES256. The certified provider, with everything that
//! can be wrong with a token, is in `tests/browser`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_e2e::Serve;
use countersign_identity::oidc::flow::challenge;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

const CLIENT: &str = "countersign";
const AUDIENCE: &str = "https://countersign.example/api";
const KID: &str = "of-the-table";
/// Groups that are roles here.
const ADMINS: &str = "platform-admins";
const AUDITORS: &str = "audit";

/// A running issuer.
pub(crate) struct Issuer {
    shared: Shared,
    client: reqwest::Client,
}

#[derive(Clone)]
struct Shared {
    url: String,
    key: Arc<EncodingKey>,
    /// What a code stands for: the claims of its ID token, and the challenge of whoever has begun.
    codes: Arc<Mutex<BTreeMap<String, (Value, String)>>>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        let shared = Shared { url, key: key.into(), codes: Arc::default() };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self { shared, client: client.build().unwrap() }
    }

    /// What the service must know of it.
    pub(crate) fn settings(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("COUNTERSIGN_OIDC_ISSUER", &self.shared.url),
            ("COUNTERSIGN_OIDC_CLIENT_ID", CLIENT),
            ("COUNTERSIGN_OIDC_AUDIENCE", AUDIENCE),
            ("COUNTERSIGN_OIDC_ADMIN_GROUP", ADMINS),
            ("COUNTERSIGN_OIDC_AUDITOR_GROUP", AUDITORS),
        ]
    }

    /// Has somebody sign in, whom the issuer says to be in these groups; `root` is an admin too, `audra` an
    /// auditor. From then on the test's calls in that name come with a token of the issuer.
    pub(crate) async fn signs_in(&self, serve: &Serve, who: &str, groups: &[&str]) {
        let role = match who {
            "root" => Some(ADMINS),
            "audra" => Some(AUDITORS),
            _ => None,
        };
        let groups: Vec<&str> = groups.iter().copied().chain(role).collect();
        let begun = self.client.post(format!("{}/sign-in/oidc", serve.url()));
        let begun = begun.header("content-type", "application/x-www-form-urlencoded").body("next=/");
        let begun = begun.send().await.unwrap();
        assert_eq!(begun.status(), 303, "{begun:?}");
        let pending = begun.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let asked = url::Url::parse(begun.headers()["location"].to_str().unwrap()).unwrap();
        let asked: BTreeMap<String, String> = asked.query_pairs().into_owned().collect();
        let mut claims = self.claims(who, CLIENT);
        let more =
            json!({ "nonce": asked["nonce"], "email": format!("{who}@corp.example"), "groups": groups });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let code = format!("code-of-{who}");
        self.shared.codes.lock().unwrap().insert(code.clone(), (claims, asked["code_challenge"].clone()));

        let back = format!("{}?code={code}&state={}", asked["redirect_uri"], asked["state"]);
        let back = self.client.get(back).header("cookie", pending).send().await.unwrap();
        assert_eq!(back.status(), 303, "{who}: {}", back.text().await.unwrap());
        let token = self.shared.signed(&self.claims(who, AUDIENCE), "at+jwt");
        let me = self.client.get(format!("{}/v1/me", serve.url())).bearer_auth(&token).send().await.unwrap();
        let me: Value = serde_json::from_str(&me.text().await.unwrap()).unwrap();
        let path = serve.data().join("demo.json");
        let mut demo: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        demo["users"][who] = json!({ "id": me["id"].as_str().expect("an account"), "token": token });
        std::fs::write(&path, demo.to_string()).unwrap();
    }

    fn claims(&self, who: &str, audience: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        json!({ "iss": self.shared.url, "sub": format!("sub-{who}"), "aud": audience, "iat": now, "exp": now + 3600 })
    }
}

impl Shared {
    fn signed(&self, claims: &Value, kind: &str) -> String {
        let header =
            Header { kid: Some(KID.to_owned()), typ: Some(kind.to_owned()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.key).unwrap()
    }
}

async fn discovery(State(issuer): State<Shared>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", issuer.url);
    Json(json!({
        "issuer": issuer.url, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"),
    }))
}

async fn keys(State(issuer): State<Shared>) -> Json<Value> {
    let mut key = Jwk::from_encoding_key(&issuer.key, Algorithm::ES256).unwrap();
    key.common.key_id = Some(KID.to_owned());
    key.common.public_key_use = Some(PublicKeyUse::Signature);
    Json(json!({ "keys": [key] }))
}

/// A code is good once, for whoever has begun.
async fn token(State(issuer): State<Shared>, body: String) -> Json<Value> {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(form["client_id"], CLIENT);
    let (claims, challenged) = issuer.codes.lock().unwrap().remove(&form["code"]).expect("a code of ours");
    assert_eq!(challenge(&form["code_verifier"]), challenged, "PKCE");
    Json(json!({ "id_token": issuer.signed(&claims, "JWT"), "access_token": "x", "token_type": "Bearer" }))
}
