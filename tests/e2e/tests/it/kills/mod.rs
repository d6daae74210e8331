//! P1 and P4 for each kind of target: the executor is killed before, during and after the command, and
//! nothing runs twice or without an approval.
//!
//! Nothing here is a matter of luck: what shall be under way is held there, by a lock or by a server
//! that does not answer, until the process is dead.

mod place;

use countersign_e2e::{Answer, Database, Serve};
use serde_json::json;

use place::{Kind, Place};

/// How long a command may take, in seconds: also how long its lease is, but for a second.
const LIMIT: u64 = 10;

/// A service with a connection `line` to the place and a connection `hole` to where nothing is said.
async fn serve(place: &Place, hole: &std::net::TcpListener, database: Database) -> Serve {
    let nowhere = hole.local_addr().unwrap().to_string();
    let (line, hole) = (place.secret(&place.line()), place.secret(&nowhere));
    let settings = [("LINE", line.as_str()), ("HOLE", &hole), ("COUNTERSIGN_LEASE_MARGIN_SEC", "1")];
    let serve = Serve::start_at_a_fixed_address(database, &settings).await.unwrap();
    for (name, address, secret) in [("line", place.line(), "env:LINE"), ("hole", nowhere, "env:HOLE")] {
        let mut connection = place.connection(&address, LIMIT);
        connection["reviewers"] = json!(["dba-team"]);
        connection["secret"] = json!(secret);
        serve.connect(name, connection).await.unwrap();
    }
    serve
}

async fn approved(serve: &Serve, connection: &str, command: &str) -> Answer {
    let request = serve.submit("alice", connection, command, json!({})).await.unwrap();
    // P1: without a vote nothing is run, whoever asks for it.
    assert_eq!(serve.act("alice", "run", &request).await.unwrap().text("/status_now"), "PENDING");
    assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "APPROVED");
    request
}

/// Has it run and waits until an executor has it; nobody waits for its end.
async fn running(serve: &Serve, request: &Answer) {
    let run = serve.begin("alice", &["run", request.text("/id")]).unwrap();
    serve.wait_for("alice", request, &["RUNNING"]).await.unwrap();
    run.stop().await.unwrap();
    run.end().await.unwrap();
}

/// Nobody knows how it ended, and it is not run again: not when asked, not by the sweep, not by a stop.
async fn is_unknown_for_ever(mut serve: Serve, request: &Answer, place: &Place, effects: i64) {
    let unknown = serve.wait_for("alice", request, &["UNKNOWN"]).await.unwrap();
    assert_eq!(unknown.text("/cause"), "lease_lapsed");
    let run = serve.act("alice", "run", request).await.unwrap();
    assert_eq!((run.status, run.text("/status_now")), (409, "UNKNOWN"));
    let events = serve.about("audra", request, "events").await.unwrap();
    let claims = events.items().iter().filter(|event| event["type"] == "request.running").count();
    assert_eq!(claims, 1, "{events:?}");
    assert!(serve.stop().await.unwrap().success());
    place.has(effects).await;
}

async fn before_the_claim(kind: Kind, database: Database) {
    let place = Place::make(kind, "kill_unclaimed", database).await;
    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut serve = serve(&place, &hole, database).await;
    let request = approved(&serve, "line", place.command()).await;
    serve.kill_and_restart().await.unwrap();
    assert_eq!(serve.show("alice", &request).await.unwrap().state(), "APPROVED");
    place.has(0).await;
    let run = serve.run_to_its_end("alice", &request).await.unwrap();
    assert_eq!(run.state(), "SUCCEEDED", "{run:?}");
    let again = serve.act("alice", "run", &request).await.unwrap();
    assert_eq!(again.state(), "SUCCEEDED");
    assert!(serve.stop().await.unwrap().success());
    place.has(1).await;
}

async fn between_the_claim_and_the_command(kind: Kind, database: Database) {
    let place = Place::make(kind, "kill_claimed", database).await;
    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut serve = serve(&place, &hole, database).await;
    let request = approved(&serve, "hole", place.command()).await;
    running(&serve, &request).await;
    serve.kill_and_restart().await.unwrap();
    is_unknown_for_ever(serve, &request, &place, 0).await;
}

async fn during_the_command(kind: Kind, database: Database) {
    let place = Place::make(kind, "kill_during", database).await;
    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut serve = serve(&place, &hole, database).await;
    let request = approved(&serve, "line", place.endless_command()).await;
    let held = if kind == Kind::Http { Some(place.hold().await) } else { None };
    running(&serve, &request).await;
    place.is_at_work().await;
    serve.kill_and_restart().await.unwrap();
    // A database gives up by its own time limit, and rolls back; what was sent over HTTP was sent.
    place.is_idle().await;
    let effects = if kind == Kind::Http { 1 } else { 0 };
    is_unknown_for_ever(serve, &request, &place, effects).await;
    drop(held);
}

/// The command has taken effect, and its outcome was never written down.
async fn after_the_command(kind: Kind, database: Database) {
    let place = Place::make(kind, "kill_after", database).await;
    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut serve = serve(&place, &hole, database).await;
    let request = approved(&serve, "line", place.command()).await;
    let held = place.hold().await;
    running(&serve, &request).await;
    place.waits_for_the_lock().await;
    place.mute();
    held.let_go().await;
    place.until(1).await;
    assert_eq!(serve.show("alice", &request).await.unwrap().state(), "RUNNING");
    serve.kill_and_restart().await.unwrap();
    is_unknown_for_ever(serve, &request, &place, 1).await;
}

macro_rules! of_each_kind {
    ($($name:ident),* $(,)?) => {
        mod postgres {
            $(pub(super) async fn $name(database: super::Database) {
                super::$name(super::Kind::Postgres, database).await;
            })*
            countersign_e2e::on_every_database! { $($name),* }
        }
        mod mysql {
            $(pub(super) async fn $name(database: super::Database) {
                super::$name(super::Kind::Mysql, database).await;
            })*
            countersign_e2e::on_every_database! { $($name),* }
        }
        mod http {
            $(pub(super) async fn $name(database: super::Database) {
                super::$name(super::Kind::Http, database).await;
            })*
            countersign_e2e::on_every_database! { $($name),* }
        }
    };
}

of_each_kind! {
    before_the_claim,
    between_the_claim_and_the_command,
    during_the_command,
    after_the_command,
}
