//! In what a command is written.

use std::str::FromStr;

/// The language of a connection's commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// PostgreSQL's SQL.
    Postgres,
    /// MySQL's and MariaDB's.
    Mysql,
    /// SQLite's.
    Sqlite,
    /// A POSIX shell's (and bash's) words: what a runner's program gets on standard input.
    Shell,
    /// A request: a line `METHOD /path`, then what else there is.
    Http,
}

/// A connection kind that has no guardrails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no guardrails are known for connections of kind `{0}`; expected postgres, mysql, sqlite, runner or http"
)]
pub struct UnknownKind(pub String);

/// From the connection's kind.
impl FromStr for Dialect {
    type Err = UnknownKind;

    fn from_str(kind: &str) -> Result<Self, UnknownKind> {
        match kind {
            "postgres" => Ok(Self::Postgres),
            "mysql" => Ok(Self::Mysql),
            "sqlite" => Ok(Self::Sqlite),
            "runner" => Ok(Self::Shell),
            "http" => Ok(Self::Http),
            other => Err(UnknownKind(other.to_owned())),
        }
    }
}

impl Dialect {
    /// Its name for people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Sqlite => "SQLite",
            Self::Shell => "shell",
            Self::Http => "HTTP",
        }
    }

    /// Whether it is SQL.
    #[must_use]
    pub fn is_sql(self) -> bool {
        matches!(self, Self::Postgres | Self::Mysql | Self::Sqlite)
    }
}
