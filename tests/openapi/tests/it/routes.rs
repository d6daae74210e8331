//! The document and the routers know the same routes.

use std::collections::{BTreeMap, BTreeSet};

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, Invoker};
use countersign_e2e::{Database, Serve};
use serde_json::{Value, json};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/// Where the console says 405 to whoever opens the address of a decision. It is no resource.
const DECISIONS_BY_GET: &str = "/v1/requests/{id}/{verb}";

/// The methods of each path, by the document. HEAD goes with GET.
fn documented() -> BTreeMap<String, BTreeSet<&'static str>> {
    let document: Value = serde_json::from_str(&countersign_openapi::document().unwrap()).unwrap();
    let mut routes = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let has = |method: &str| item.get(method.to_lowercase()).is_some();
        let known = |method: &&str| has(method) || (*method == "HEAD" && has("GET"));
        routes.insert(path.clone(), METHODS.into_iter().filter(known).collect());
    }
    routes
}

/// Every path of a router. Routers do not tell their paths, but they print them.
fn paths_of(router: &axum::Router) -> BTreeSet<String> {
    let printed = format!("{router:?}");
    let texts = printed.split('"').skip(1).step_by(2).filter(|text| text.starts_with('/'));
    // The pages and their forms are no part of the API; the fallback for everything else stands there too.
    let of_the_api = |text: &&str| {
        text.starts_with("/v1/")
            || ["/slack/interactions", "/slack/commands"].contains(text)
            || *text == "/healthz"
    };
    texts.filter(of_the_api).map(str::to_owned).collect()
}

#[test]
fn every_path_of_a_router_is_in_the_document_and_no_other() {
    let variables = |name: &str| match name {
        "COUNTERSIGN_TABLE" | "COUNTERSIGN_EXECUTE_FUNCTION" => Some("none".to_owned()),
        _ => None,
    };
    let config = Config::read(&variables).unwrap();
    let nowhere = "http://127.0.0.1:9";
    let aws = Aws::new(AwsSettings::local(nowhere, nowhere, nowhere));
    let app = App::new(config.clone(), &aws);
    let invoker = Invoker::new(&config, &aws).unwrap();
    let mut paths = BTreeSet::new();
    for router in [
        countersign_intake::router(app.clone()),
        countersign_callback::router(
            app.clone(),
            invoker.clone(),
            countersign_callback::Slack::new(
                std::sync::Arc::new(|_| None),
                countersign_targets::FileSecrets::Refused,
            ),
        ),
        countersign_runners::router(app.clone()),
        countersign_console::router(app, invoker),
    ] {
        let more = paths_of(&router);
        assert!(!more.is_empty(), "routers no longer print their paths: find another way to know them");
        paths.extend(more);
    }
    assert!(paths.remove(DECISIONS_BY_GET));
    let documented: BTreeSet<String> = documented().into_keys().collect();
    assert_eq!(paths, documented);
}

/// A call that reaches a handler is answered in some way or other; one that reaches none is a 405
/// that names the methods that there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_documented_methods_are_allowed() {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let nobody = format!("req_{}", "0".repeat(26));
    for (path, methods) in documented() {
        let concrete = path.replace("{id}", &nobody).replace("{name}", "no-such-connection");
        for method in METHODS {
            let body = matches!(method, "POST" | "PUT").then(|| json!({}));
            let answer = serve.call("alice", method, &concrete, body).await.unwrap();
            let allowed = answer.status != 405;
            assert_eq!(allowed, methods.contains(method), "{method} {path}: {answer:?}");
            if !allowed {
                let allow: BTreeSet<&str> = answer.header("allow").split(", ").collect();
                assert_eq!(allow, methods, "{method} {path}");
                assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}");
            }
        }
    }
    let nowhere = serve.get("alice", "/v1/nowhere").await.unwrap();
    assert_eq!((nowhere.status, nowhere.slug()), (404, "not-found"));
}

/// Queries are read as strictly as bodies: what is documented is known, anything else is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_documented_parameters_are_known() {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let request = serve.submit("root", "demo-open", "SELECT 1", json!({})).await.unwrap();
    let request = serve.run_to_its_end("root", &request).await.unwrap();
    let hook = json!({ "url": "https://198.51.99.1/", "enabled": false });
    let webhook = serve.post("root", "/v1/webhooks", hook).await.unwrap();
    let document: Value = serde_json::from_str(&countersign_openapi::document().unwrap()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(parameters) = item["get"]["parameters"].as_array() else { continue };
        let thing = if path.starts_with("/v1/webhooks") { &webhook } else { &request };
        let path = path.replace("{id}", thing.text("/id"));
        let named: Vec<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        if named.is_empty() {
            continue;
        }
        // An empty value counts as not given.
        let all: Vec<String> = named.iter().map(|name| format!("{name}=")).collect();
        let known = serve.get("root", &format!("{path}?{}", all.join("&"))).await.unwrap();
        // What runners ask is well-formed, and not answered to somebody who is none.
        let expected = if path.starts_with("/v1/runner/") { 403 } else { 200 };
        assert_eq!(known.status, expected, "{path}: {known:?}");
        let unknown = serve.get("root", &format!("{path}?wat=1")).await.unwrap();
        assert_eq!((unknown.status, unknown.slug()), (400, "bad-request"), "{path}");
        for name in named {
            assert!(unknown.text("/detail").contains(name), "{path}: {unknown:?}");
        }
    }
}
