//! SQLite's authorizer: what no command may do, whatever it is called in the text.
//!
//! SQLite asks while it compiles, about what it understood, so that no spelling gets around it.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::sync::{Arc, Mutex, PoisonError};

/// What the authorizer needs to know and what it found.
#[derive(Default)]
struct State {
    /// Set once, for the whole run: nothing may be written.
    read_only: bool,
    /// Our own BEGIN, COMMIT or ROLLBACK is being compiled.
    ours: bool,
    /// A VACUUM that was let through is running: SQLite itself attaches a nameless file for it.
    vacuum: bool,
    /// The first refusal since the last [`Guard::begin`].
    refused: Option<String>,
    /// What the statement does to tables, outside of triggers.
    writes: Option<&'static str>,
}

/// Shared by the authorizer's callback and the execution.
#[derive(Clone)]
pub(super) struct Guard(Arc<Mutex<State>>);

impl Guard {
    pub(super) fn new(read_only: bool) -> Self {
        Self(Arc::new(Mutex::new(State { read_only, ..State::default() })))
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.with(|state| state.read_only)
    }

    /// Before a statement is compiled.
    pub(super) fn begin(&self) {
        self.with(|state| *state = State { read_only: state.read_only, ..State::default() });
    }

    /// Runs `work`, which compiles transaction control of our own.
    pub(super) fn ours<T>(&self, work: impl FnOnce() -> T) -> T {
        self.with(|state| state.ours = true);
        let result = work();
        self.with(|state| state.ours = false);
        result
    }

    /// Runs `work`, which executes a VACUUM.
    pub(super) fn vacuum<T>(&self, work: impl FnOnce() -> T) -> T {
        self.with(|state| state.vacuum = true);
        let result = work();
        self.with(|state| state.vacuum = false);
        result
    }

    /// Why the statement was refused, if it was.
    pub(super) fn refused(&self) -> Option<String> {
        self.with(|state| state.refused.clone())
    }

    /// `INSERT`, `UPDATE` or `DELETE`, for a statement that begins with WITH.
    pub(super) fn writes(&self) -> Option<&'static str> {
        self.with(|state| state.writes)
    }

    /// The callback.
    pub(super) fn authorize(&self, context: &AuthContext<'_>) -> Authorization {
        self.with(|state| match state.refusal(&context.action) {
            None => {
                state.note(context);
                Authorization::Allow
            }
            Some(reason) => {
                state.refused.get_or_insert(reason);
                Authorization::Deny
            }
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn refusal(&self, action: &AuthAction<'_>) -> Option<String> {
        match action {
            AuthAction::Transaction { .. } if self.ours || self.vacuum => None,
            AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => Some(
                "transaction control is refused: a single statement runs as itself, several run in one transaction already; leave it out".to_owned(),
            ),
            AuthAction::Attach { filename } if self.vacuum && filename.is_empty() => None,
            AuthAction::Attach { .. } if self.vacuum => Some("VACUUM INTO is refused: it writes another file".to_owned()),
            AuthAction::Attach { .. } | AuthAction::Detach { .. } => {
                Some("ATTACH and DETACH are refused: a connection is one database".to_owned())
            }
            AuthAction::Pragma { pragma_name, pragma_value: Some(_) }
                if self.read_only && SETTING.iter().any(|name| pragma_name.eq_ignore_ascii_case(name)) =>
            {
                Some(format!("`PRAGMA {pragma_name}` with a value is refused: this run is read-only"))
            }
            AuthAction::Pragma { pragma_name, pragma_value } => pragma(pragma_name, pragma_value.is_some()),
            AuthAction::Function { function_name } => function(function_name),
            action if self.read_only && writes(action) => Some("this run is read-only: it may not write".to_owned()),
            // An ATTACH of an expression arrives without its argument, hence as unknown.
            AuthAction::Unknown { .. } => Some("an action that SQLite did not name is refused (ATTACH of an expression is one)".to_owned()),
            _ => None,
        }
    }

    fn note(&mut self, context: &AuthContext<'_>) {
        let verb = match context.action {
            AuthAction::Insert { table_name } if !table_name.starts_with("sqlite_") => "INSERT",
            AuthAction::Update { table_name, .. } if !table_name.starts_with("sqlite_") => "UPDATE",
            AuthAction::Delete { table_name } if !table_name.starts_with("sqlite_") => "DELETE",
            _ => return,
        };
        // An upsert inserts and updates: it is an INSERT.
        if context.accessor.is_none() && (self.writes.is_none() || verb == "INSERT") {
            self.writes = Some(verb);
        }
    }
}

/// Pragmas that only look.
const LOOKING: [&str; 21] = [
    "application_id",
    "collation_list",
    "compile_options",
    "data_version",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "foreign_keys",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "page_count",
    "page_size",
    "pragma_list",
    "quick_check",
    "schema_version",
    "table_info",
    "user_version",
];
/// Of these and of the above, those whose argument asks or is harmless to set.
const WITH_ARGUMENT: [&str; 13] = [
    "application_id",
    "defer_foreign_keys",
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

/// Of these, those that write to the file.
const SETTING: [&str; 2] = ["application_id", "user_version"];

/// What a run that only reads never does. What is not listed here reads, or is refused anyhow.
fn writes(action: &AuthAction<'_>) -> bool {
    !matches!(
        action,
        AuthAction::Select
            | AuthAction::Read { .. }
            | AuthAction::Recursive
            | AuthAction::Function { .. }
            | AuthAction::Pragma { .. }
            | AuthAction::Transaction { .. }
    )
}

fn pragma(name: &str, has_value: bool) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let name = lower.as_str();
    let allowed = WITH_ARGUMENT.contains(&name) || (!has_value && LOOKING.contains(&name));
    (!allowed).then(|| format!("`PRAGMA {name}` is refused: only pragmas that look are allowed"))
}

fn function(name: &str) -> Option<String> {
    ["load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"]
        .iter()
        .any(|refused| name.eq_ignore_ascii_case(refused))
        .then(|| format!("the function `{name}` is refused: it reaches outside of the database"))
}
