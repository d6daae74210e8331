//! Guardrails from the submission to the run: small inputs that once got past them, and each kind of connection.

mod kinds;
mod outside;
#[cfg(all(feature = "postgres-tests", feature = "mariadb-tests"))]
mod rows;

use countersign_e2e::{Answer, Serve};
use serde_json::{Value, json};

/// Makes a connection with these members, of which dba-team is asked.
async fn connect(serve: &Serve, name: &str, members: &Value) {
    let mut connection = json!({ "reviewers": ["dba-team"] });
    connection.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    serve.connect(name, connection).await.unwrap();
}

/// Submits a command as Alice.
async fn submit(serve: &Serve, connection: &str, command: &str) -> Answer {
    let body = json!({ "connection": connection, "command": command });
    serve.post("alice", "/v1/requests", body).await.unwrap()
}

/// Submits a command and expects that a guardrail blocks it before anyone is asked.
async fn blocked(serve: &Serve, connection: &str, command: &str) -> Answer {
    let answer = submit(serve, connection, command).await;
    assert_eq!((answer.status, answer.slug()), (403, "guardrail-blocked"), "{command}: {answer:?}");
    let request = serve.get("alice", &format!("/v1/requests/{}", answer.text("/request_id"))).await.unwrap();
    assert_eq!(request.state(), "BLOCKED", "{command}: {request:?}");
    answer
}

/// Submits a command and expects that it waits for reviewers.
async fn pending(serve: &Serve, connection: &str, command: &str) -> Answer {
    let answer = submit(serve, connection, command).await;
    assert_eq!((answer.status, answer.state()), (201, "PENDING"), "{command}: {answer:?}");
    answer
}
