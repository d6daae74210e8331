//! The commands of `docs/configurations.md`, run as they stand there, against a live service.

use std::process::Stdio;

use countersign_e2e::postgres::Postgres;
use countersign_e2e::program::program;
use countersign_e2e::{Database, Serve};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configurations.md");
/// Printed between two blocks.
const MARK: &str = "@@ the next block";

/// A block of commands, and what they must say.
#[derive(Debug, Default)]
struct Block {
    commands: String,
    says: Vec<String>,
}

/// The blocks of a page: `sh` is run, the `text` behind it is what that must say.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fence: Option<&str> = None;
    for line in page.lines() {
        match (fence, line.strip_prefix("```")) {
            (None, Some(language)) => {
                fence = Some(language);
                if language == "sh" {
                    blocks.push(Block::default());
                }
            }
            (Some(_), Some(_)) => fence = None,
            (Some("sh"), None) => {
                let commands = &mut blocks.last_mut().unwrap().commands;
                commands.push_str(line);
                commands.push('\n');
            }
            (Some("text"), None) => {
                blocks.last_mut().expect("text follows commands").says.push(line.to_owned());
            }
            (Some(other), None) => panic!("nobody runs a block of `{other}`"),
            (None, None) => {}
        }
    }
    blocks
}

/// Whether the lines are said, in that order; `…` stands for anything.
fn missing<'a>(said: &str, wanted: &'a [String]) -> Option<&'a str> {
    let mut rest: Vec<&str> = said.lines().collect();
    rest.reverse();
    wanted.iter().map(String::as_str).find(|wanted| {
        while let Some(line) = rest.pop() {
            let mut from = 0;
            let fits =
                wanted.split('…').all(|part| match line.get(from..).and_then(|line| line.find(part)) {
                    Some(at) => {
                        from += at + part.len();
                        true
                    }
                    None => false,
                });
            if fits {
                return false;
            }
        }
        true
    })
}

/// Everything that the page's connections lead to.
async fn database(place: &Postgres) -> String {
    let (reader, password) = ("e2e_configurations_reader", "hunter2-reader");
    place
        .admin(&format!(
            "DROP ROLE IF EXISTS {reader};
             CREATE ROLE {reader} LOGIN PASSWORD '{password}';
             CREATE TABLE sessions (id int PRIMARY KEY, age int);
             INSERT INTO sessions VALUES (1, 1), (2, 5), (3, 30), (4, 91), (5, 120);
             CREATE TABLE salaries (id int PRIMARY KEY, amount int);
             INSERT INTO salaries VALUES (1, 5000), (2, 6000);
             CREATE TABLE people (name text, email text, notes text);
             INSERT INTO people VALUES ('Ada', 'ada@example.com', 'likes tea');
             GRANT SELECT ON people TO {reader};
             ALTER TABLE sessions OWNER TO {owner};
             ALTER TABLE salaries OWNER TO {owner}",
            owner = place.name(),
        ))
        .await
        .unwrap();
    format!("postgres://{reader}:{password}@{}/{}", place.server().unwrap(), place.name())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_page_does_what_stands_there() {
    let blocks = blocks(&std::fs::read_to_string(PAGE).unwrap());
    assert!(blocks.len() >= 8, "the page has no blocks: {blocks:?}");
    let place = Postgres::make("configurations", Database::Embedded).await.unwrap();
    let url = place.url().unwrap();
    let reader = database(&place).await;
    let settings = [("PROD_DB_URL", url.as_str()), ("PAYROLL_URL", &url), ("PEOPLE_READ_URL", &reader)];
    let serve = Serve::start(Database::Embedded, &settings).await.unwrap();

    let folder = program().unwrap().parent().unwrap().to_owned();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash")
        .args(["-euo", "pipefail"])
        .env("PATH", path)
        .env("COUNTERSIGN_URL", serve.url())
        .env("COUNTERSIGN_DATA", serve.data())
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut script = "exec 2>&1\n".to_owned();
    for block in &blocks {
        script.push_str(&format!("{{\n{}}} </dev/null\necho '{MARK}'\n", block.commands));
    }
    shell.stdin.take().unwrap().write_all(script.as_bytes()).await.unwrap();
    let ran = shell.wait_with_output().await.unwrap();
    let out = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "it ends early: {out}");
    let said: Vec<&str> = out.split(MARK).collect();
    assert_eq!(said.len(), blocks.len() + 1, "{out}");
    for (block, said) in blocks.iter().zip(said) {
        let commands = &block.commands;
        assert_eq!(missing(said, &block.says), None, "is not said by:\n{commands}\nwhich says:\n{said}");
    }
    assert_eq!(place.number("SELECT count(*) FROM sessions").await.unwrap(), 3, "the bound held");
    assert_eq!(place.number("SELECT amount::bigint FROM salaries WHERE id = 1").await.unwrap(), 5200);
    assert!(!serve.log().contains("hunter2"), "{}", serve.log());
}
