//! Callers who are not who they say, or come from where nobody should.

use countersign_e2e::{Database, Serve};
use serde_json::json;

use crate::bad_input::problem;

async fn a_broken_token_is_401_and_says_how_to_sign_in(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let (alice, root) = (serve.token("alice"), serve.token("root"));
    // `cst_`, the id of the account, the secret.
    let (of_alice, secret) = alice.split_at(30);
    let (_, of_root) = root.split_at(30);
    let mixed = format!("Bearer {of_alice}{of_root}");
    let credentials = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Basic {alice}"),
        format!("Token {alice}"),
        alice.clone(),
        format!("Bearer {alice}x"),
        format!("Bearer {}", alice.split_at(alice.len() - 1).0),
        format!("Bearer {}", alice.to_lowercase()),
        format!("Bearer {of_alice}"),
        format!("Bearer cst_{}", "A".repeat(60)),
        format!("Bearer {}", "x".repeat(5000)),
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.".to_owned(),
        format!("Bearer {alice} {root}"),
        mixed,
    ];
    for credential in &credentials {
        for path in ["/v1/me", "/v1/requests", "/v1/requests/req_01ARZ3NDEKTSV4RRFFQ69G5FAV", "/v1/users"] {
            let answer = serve.get_plain(path, &[("authorization", credential)]).await.unwrap();
            problem(&answer, 401, "unauthenticated");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
            let said = answer.json.to_string();
            assert!(!said.contains(secret) && !said.contains(of_root), "{answer:?}");
        }
    }
    let nobody = serve.get_plain("/v1/me", &[]).await.unwrap();
    problem(&nobody, 401, "unauthenticated");
    // The scheme's name has no case.
    let lower = serve.get_plain("/v1/me", &[("authorization", &format!("bearer {alice}"))]).await.unwrap();
    assert_eq!((lower.status, lower.text("/email")), (200, "alice@example.com"));
    let log = serve.log();
    assert!(!log.contains(secret) && !log.contains(of_root), "no token reaches the log");
}

async fn a_token_that_has_ended_or_whose_owner_is_out_is_refused(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let brief =
        serve.post("alice", "/v1/tokens", json!({ "name": "x", "expires_in_seconds": 1 })).await.unwrap();
    let bearer = format!("Bearer {}", brief.text("/secret"));
    assert_eq!(brief.status, 201, "{brief:?}");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let answer = serve.get_plain("/v1/me", &[("authorization", &bearer)]).await.unwrap();
        if answer.status != 200 {
            problem(&answer, 401, "unauthenticated");
            break;
        }
        assert!(std::time::Instant::now() < until, "it never ends");
    }
    let path = format!("/v1/users/{}", serve.id("dana"));
    let dana = serve.get("root", &path).await.unwrap();
    let mut body = dana.json.clone();
    body["disabled"] = json!(true);
    let etag = dana.header("etag").to_owned();
    let put = serve.call_with("root", "PUT", &path, Some(body), &[("if-match", &etag)]).await.unwrap();
    assert_eq!(put.status, 200, "{put:?}");
    let refused = serve.get("dana", "/v1/me").await.unwrap();
    assert!(refused.status == 401 || refused.status == 403, "{refused:?}");
}

async fn pages_of_others_and_other_names_do_not_get_in(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let bearer = format!("Bearer {}", serve.token("alice"));
    for headers in [
        &[("host", "evil.example.com")][..],
        &[("host", "127.0.0.1:1")],
        &[("origin", "https://evil.example.com")],
        &[("origin", "null")],
    ] {
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        let answer = serve.get_plain("/v1/me", &all).await.unwrap();
        assert!(answer.status == 403 || answer.status == 421, "{headers:?}: {answer:?}");
        problem(&answer, answer.status, answer.slug());
    }
}

async fn whoever_calls_too_often_is_told_when_to_come_again(database: Database) {
    let serve = Serve::start(database, &[("COUNTERSIGN_CALLS_PER_SECOND", "1")]).await.unwrap();
    let mut refused = None;
    // Four may come at once; one in a second is welcome after that, which so many calls outrun.
    for _ in 0..200 {
        let answer = serve.get("alice", "/v1/me").await.unwrap();
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    problem(&refused, 429, "too-many-requests");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{refused:?}");
    assert_eq!(serve.get("dana", "/v1/me").await.unwrap().status, 200, "nobody else is held up");
}

countersign_e2e::on_every_database! {
    whoever_calls_too_often_is_told_when_to_come_again,
    a_broken_token_is_401_and_says_how_to_sign_in,
    a_token_that_has_ended_or_whose_owner_is_out_is_refused,
    pages_of_others_and_other_names_do_not_get_in,
}
