//! A service that is no demo: the first admin, and what follows.

use countersign_e2e::program::{bare, to_the_end};
use countersign_e2e::serve::Plain;

use crate::program::{ended, says};

#[tokio::test]
async fn the_first_admin_is_made_once_and_makes_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let bootstrap = ["bootstrap", "--email", "ann@example.com", "--data", data];
    let first = to_the_end(bare(&bootstrap, &[]).unwrap()).await.unwrap();
    assert_eq!(first.code, Some(0), "{}", first.err);
    says(&first, &["ann@example.com", "is the first admin"]);
    let token = first.out.trim();
    assert!(token.starts_with("cst_") && !first.err.contains(token), "{first:?}");
    let second = to_the_end(bare(&bootstrap, &[]).unwrap()).await.unwrap();
    ended(&second, 2, "");
    says(&second, &["there is an admin already"]);

    let serve = Plain::start(data).await.unwrap();
    let meanwhile = to_the_end(bare(&bootstrap, &[]).unwrap()).await.unwrap();
    ended(&meanwhile, 2, "");
    says(&meanwhile, &["in use by another process"]);
    let run = async |token: &str, args: &[&str]| {
        let environment = [("COUNTERSIGN_URL", serve.url()), ("COUNTERSIGN_TOKEN", token)];
        to_the_end(bare(args, &environment).unwrap()).await.unwrap()
    };
    let made = run(token, &["users", "create", "ci@example.com", "--owner", "ann@example.com"]).await;
    assert_eq!(made.code, Some(0), "{}", made.err);
    let made = run(token, &["tokens", "create", "ci", "--user", "ci@example.com"]).await;
    let create = [
        "connections",
        "create",
        "scratch",
        "--kind",
        "sqlite",
        "--target",
        "path=scratch.db",
        "--approvals",
        "off",
    ];
    let connection = run(token, &create).await;
    assert_eq!(connection.code, Some(0), "{}", connection.err);
    // The target has to be there: a typing error must not make an empty database.
    let missing = run(made.out.trim(), &["exec", "scratch", "SELECT 1"]).await;
    assert_eq!(missing.code, Some(1), "{}", missing.err);
    rusqlite::Connection::open(folder.path().join("data/targets/scratch.db"))
        .and_then(|database| database.execute_batch("CREATE TABLE t (x)"))
        .unwrap();
    let exec = run(made.out.trim(), &["exec", "scratch", "SELECT count(*) AS n FROM t", "-o", "csv"]).await;
    ended(&exec, 0, "n\r\n0\r\n");
    assert!(serve.stop().await.unwrap().success());
}
