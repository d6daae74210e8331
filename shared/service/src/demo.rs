//! People, connections and made-up data to try things out.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use countersign_masking::MaskingPolicy;
use countersign_rules::person::Role;
use countersign_rules::{GroupName, UserId};
use countersign_storage::items::Channel;
use countersign_storage::people::Access;
use countersign_storage::{Connection, Key};
use rusqlite::params;
use serde_json::{Map, Value, json};

use crate::ServiceError;
use crate::bootstrap::make_user;
use crate::service::{Opened, file};

/// The file that says that a directory is a demo's, and holds its people's tokens.
pub const DEMO_FILE: &str = "demo.json";
/// Says that a demo is being made; it is there until `demo.json` is.
const UNFINISHED: &str = "demo.unfinished";
/// The database that the demo's connections point at.
const DATABASE: &str = "demo.db";
const CUSTOMERS: u32 = 1000;
const ORDERS: u32 = 3000;

/// Name, groups, roles.
const PEOPLE: [(&str, &[&str], &[Role]); 6] = [
    ("alice", &[], &[]),
    ("dana", &["dba-team"], &[]),
    ("sam", &["security-team"], &[]),
    ("rita", &["dba-team", "security-team"], &[]),
    ("root", &["dba-team"], &[Role::Admin]),
    ("audra", &[], &[Role::Auditor]),
];

/// A demo that is begun in a directory. Dropped before [`Begun::keep`], it leaves the directory as it
/// was, if nothing else has come into it.
#[must_use]
#[derive(Debug)]
pub struct Begun {
    marker: Option<PathBuf>,
    made_directory: bool,
}

/// Refuses a directory that holds something, but not a demo's; marks one that holds nothing, so that
/// a start that is killed half-way can be made over.
///
/// # Errors
/// [`ServiceError::Unsuitable`].
pub fn begin(data_dir: &Path) -> Result<Begun, ServiceError> {
    let marker = data_dir.join(UNFINISHED);
    let is_new = !data_dir.exists();
    let holds_nothing = || std::fs::read_dir(data_dir).is_ok_and(|mut entries| entries.next().is_none());
    if data_dir.join(DEMO_FILE).exists() || marker.exists() {
        return Ok(Begun { marker: None, made_directory: false });
    }
    if is_new || holds_nothing() {
        // What stands in the way, the service says when it takes the directory.
        let there = DirBuilder::new().recursive(true).mode(0o700).create(data_dir).is_ok();
        let marked = there && std::fs::write(&marker, "").is_ok();
        return Ok(Begun { marker: marked.then_some(marker), made_directory: is_new });
    }
    if data_dir.is_dir() {
        return Err(ServiceError::Unsuitable(format!(
            "`{}` is not empty and no demo's (it has no `{DEMO_FILE}`); name another directory with `--data`",
            data_dir.display()
        )));
    }
    Ok(Begun { marker: None, made_directory: false })
}

impl Begun {
    /// The directory is the demo's now.
    pub fn keep(mut self) {
        self.marker = None;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Some(marker) = &self.marker else { return };
        let Some(directory) = marker.parent() else { return };
        if std::fs::read_dir(directory).is_ok_and(|entries| entries.count() == 1) {
            let _ = std::fs::remove_file(marker);
            if self.made_directory {
                let _ = std::fs::remove_dir(directory);
            }
        }
    }
}

/// Makes the demo in a directory that has none yet, notes where it is reached in any case, and lets
/// whoever has a browser on this machine sign in as its people.
///
/// # Errors
/// [`ServiceError`].
pub async fn prepare(opened: &mut Opened) -> Result<(), ServiceError> {
    let path = opened.data_dir().join(DEMO_FILE);
    let known = match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(file(&path, "read", error)),
    };
    let users = match known {
        Some(bytes) => {
            let demo: Value = serde_json::from_slice(&bytes).map_err(|error| {
                ServiceError::Unsuitable(format!("`{}` is no demo's file: {error}", path.display()))
            })?;
            let users = demo.get("users").cloned().unwrap_or_default();
            check_known(opened, &path, &users).await?;
            users
        }
        None => {
            // A first start that was killed half-way leaves no demo.json: what it made is made over.
            make_database(&opened.targets_dir().join(DATABASE))?;
            make_connections(opened).await?;
            make_people(opened).await?
        }
    };
    let by_name = |(name, _, _): &(&str, _, _)| users.get(name)?.get("id")?.as_str()?.parse().ok();
    opened.app.demo_people = PEOPLE.iter().filter_map(by_name).collect();
    write_private(&path, &json!({ "url": opened.url(), "users": users }))?;
    let marker = opened.data_dir().join(UNFINISHED);
    match std::fs::remove_file(&marker) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file(&marker, "removed", error)),
        _ => Ok(()),
    }
}

/// Refuses a table that does not know the people of `demo.json`: their tokens would be worth nothing,
/// and whoever lost a table wants to hear of it.
async fn check_known(opened: &Opened, path: &Path, users: &Value) -> Result<(), ServiceError> {
    let ids = users.as_object().into_iter().flatten().filter_map(|(_, user)| user.get("id")?.as_str());
    let ids: Vec<UserId> = ids.filter_map(|id| id.parse().ok()).collect();
    let keys: Vec<Key> = ids.iter().copied().map(Key::User).collect();
    let found = opened.app.store.read("demo", &keys).await?;
    for id in &ids {
        if found.user(*id)?.is_none() {
            return Err(ServiceError::Unsuitable(format!(
                "the people in `{}` are not in the table: bring back the table that they are in, or remove this \
                 file to have the demo made anew",
                path.display()
            )));
        }
    }
    if ids.is_empty() {
        return Err(ServiceError::Unsuitable(format!(
            "`{}` is no demo's file: it names nobody",
            path.display()
        )));
    }
    Ok(())
}

async fn make_people(opened: &Opened) -> Result<Value, ServiceError> {
    let app = &opened.app;
    let mut users = Map::new();
    for (name, groups, roles) in PEOPLE {
        let email = format!("{name}@example.com");
        let groups: BTreeSet<GroupName> = groups.iter().filter_map(|group| group.parse().ok()).collect();
        let roles: BTreeSet<Role> = roles.iter().copied().collect();
        let mut letters = name.chars();
        let display_name: String =
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        if let Some(stale) = app.store.user_by_email(&email).await? {
            let mut renamed = stale.user.clone();
            renamed.email = format!("{}@stale.example.com", renamed.id);
            renamed.disabled = true;
            renamed.version += 1;
            app.store.put_user(Some(&stale), &renamed, Access::Changed, None).await?;
        }
        let made = make_user(app, &email, &display_name, groups, roles, Access::Changed).await?;
        users.insert(name.to_owned(), json!({ "token": made.token.reveal(), "id": made.id }));
    }
    Ok(Value::Object(users))
}

async fn make_connections(opened: &Opened) -> Result<(), ServiceError> {
    let app = &opened.app;
    for (name, reviewers, approvals) in [
        ("demo-db", &["dba-team"][..], true),
        ("demo-dual", &["dba-team", "security-team"], true),
        ("demo-open", &[], false),
    ] {
        let Ok(name) = name.parse() else { continue };
        let before = app.store.connection(&name).await?;
        let connection = Connection {
            name,
            kind: "sqlite".to_owned(),
            target: json!({ "path": DATABASE }),
            secret: None,
            reviewers: reviewers.iter().filter_map(|group| group.parse().ok()).collect(),
            approvals_per_group: 1,
            distinct_reviewers: true,
            exempt_groups: BTreeSet::new(),
            allowed_groups: BTreeSet::new(),
            approvals,
            admin_auto_approve: true,
            timeout_seconds: None,
            run_within_seconds: 3600,
            max_rows: None,
            require_reason: false,
            masking: MaskingPolicy::default(),
            masking_key: None,
            read_secret: None,
            estimate_secret: None,
            guardrails: Vec::new(),
            auto_approve: None,
            notify: Channel::ALL.into(),
            slack_channels: Vec::new(),
            created_at: app.now(),
            version: before.as_ref().map_or(1, |before| before.version + 1),
        };
        app.store.put_connection(before.map(|before| before.version), &connection).await?;
    }
    Ok(())
}

/// 1,000 people who do not exist and their orders. The numbers are valid by their checksums, so
/// that they look real to whatever looks for personal data.
fn make_database(path: &Path) -> Result<(), ServiceError> {
    if path.exists() {
        std::fs::remove_file(path).map_err(|source| file(path, "replaced", source))?;
    }
    let make = || -> rusqlite::Result<()> {
        let mut database = rusqlite::Connection::open(path)?;
        database.pragma_update(None, "journal_mode", "wal")?;
        let transaction = database.transaction()?;
        transaction.execute_batch(
            "CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, phone TEXT, card TEXT, \
             ssn TEXT, iban TEXT, created_at TEXT);\
             CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, total REAL NOT NULL, note TEXT);",
        )?;
        for id in 1..=CUSTOMERS {
            let person = Made::up(id);
            transaction.execute(
                "INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    id,
                    person.name,
                    person.email,
                    person.phone,
                    person.card,
                    person.ssn,
                    person.iban,
                    person.since
                ],
            )?;
        }
        for id in 1..=ORDERS {
            let customer = mixed(id, 7) % CUSTOMERS + 1;
            let note = ["", "gift", "call before delivery", "second attempt"].get((id % 4) as usize);
            let total = f64::from(mixed(id, 11) % 50_000) / 100.0;
            transaction
                .execute("INSERT INTO orders VALUES (?, ?, ?, ?)", params![id, customer, total, note])?;
        }
        transaction.commit()
    };
    make().map_err(|error| {
        ServiceError::Unsuitable(format!("the demo's database `{}` cannot be made: {error}", path.display()))
    })
}

struct Made {
    name: String,
    email: String,
    phone: String,
    card: String,
    ssn: String,
    iban: String,
    since: String,
}

impl Made {
    fn up(id: u32) -> Self {
        const FIRST: [&str; 20] = [
            "Ada", "Ben", "Chen", "Dora", "Emil", "Fatima", "Gus", "Hana", "Ivan", "Jo", "Kofi", "Lena",
            "Mina", "Noor", "Otto", "Priya", "Quinn", "Rosa", "Sven", "Tala",
        ];
        const LAST: [&str; 20] = [
            "Abbott", "Brandt", "Costa", "Diaz", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jensen",
            "Keller", "Lopez", "Moreau", "Novak", "Okafor", "Patel", "Rossi", "Silva", "Tanaka", "Weber",
        ];
        let pick = |names: [&'static str; 20], salt| {
            names.get((mixed(id, salt) % 20) as usize).copied().unwrap_or("X")
        };
        let (first, last) = (pick(FIRST, 3), pick(LAST, 5));
        let card = format!("4{:014}", u64::from(mixed(id, 13)) * 3571 % 100_000_000_000_000);
        let bban = format!("37040044{:010}", u64::from(mixed(id, 17)) * 7919 % 10_000_000_000);
        Self {
            name: format!("{first} {last}"),
            email: format!("{}.{}{id}@example.com", first.to_lowercase(), last.to_lowercase()),
            phone: format!("+1 202-555-{:04}", 100 + mixed(id, 19) % 100),
            card: format!("{card}{}", luhn_digit(&card)),
            ssn: format!(
                "{:03}-{:02}-{:04}",
                100 + mixed(id, 23) % 500,
                1 + mixed(id, 29) % 98,
                1 + mixed(id, 31) % 9998
            ),
            iban: format!("DE{:02}{bban}", iban_check_digits(&bban)),
            since: format!(
                "20{:02}-{:02}-{:02}",
                15 + id % 11,
                1 + mixed(id, 37) % 12,
                1 + mixed(id, 41) % 28
            ),
        }
    }
}

/// Numbers that look arbitrary and are always the same.
fn mixed(id: u32, salt: u32) -> u32 {
    let mixed = id.wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503));
    (mixed ^ (mixed >> 15)).wrapping_mul(2_246_822_519) >> 4
}

/// ISO/IEC 7812-1, annex B.
fn luhn_digit(digits: &str) -> u32 {
    let doubled = |(position, digit): (usize, u32)| {
        let value = if position % 2 == 0 { digit * 2 } else { digit };
        if value > 9 { value - 9 } else { value }
    };
    let sum: u32 = digits.chars().rev().filter_map(|digit| digit.to_digit(10)).enumerate().map(doubled).sum();
    (10 - sum % 10) % 10
}

/// ISO 13616 for Germany: 98 less the number, with `DE00` behind it, modulo 97.
fn iban_check_digits(bban: &str) -> u64 {
    let digits = format!("{bban}131400");
    let remainder = digits
        .chars()
        .filter_map(|digit| digit.to_digit(10))
        .fold(0, |rest, digit| (rest * 10 + u64::from(digit)) % 97);
    98 - remainder
}

fn write_private(path: &Path, value: &Value) -> Result<(), ServiceError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let unfinished = path.with_extension("json.new");
    let write = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        writeln!(file, "{value:#}")?;
        file.sync_all()?;
        // In one step, so that a crash leaves the old file or the new one.
        std::fs::rename(&unfinished, path)
    };
    write().map_err(|source| file(path, "written", source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_those_of_the_standards() {
        // Published examples: Visa's test card and the IBAN registry's German example.
        assert_eq!(luhn_digit("411111111111111"), 1);
        assert_eq!(iban_check_digits("370400440532013000"), 89);
    }
}
