//! The kinds of target.

use crate::TargetError;
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// What speaks at the other end. More kinds come with later versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum TargetKind {
    /// An SQLite file below the configured root of this machine.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A MySQL or MariaDB server.
    Mysql,
    /// A service that is called over HTTP.
    Http,
    /// A program that a `countersign runner` starts, near what it works on.
    Runner,
}

impl TargetKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Sqlite, Self::Postgres, Self::Mysql, Self::Http, Self::Runner];

    /// The word in `connections.kind`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Http => "http",
            Self::Runner => "runner",
        }
    }

    /// Whether a connection of this kind needs a secret (a database server: its URL).
    #[must_use]
    pub fn needs_secret(self) -> bool {
        match self {
            Self::Sqlite | Self::Http | Self::Runner => false,
            Self::Postgres | Self::Mysql => true,
        }
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TargetKind {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        match text {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            "mysql" => Ok(Self::Mysql),
            "http" => Ok(Self::Http),
            "runner" => Ok(Self::Runner),
            other => Err(TargetError::UnknownKind { given: other.chars().take(64).collect() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_own_word() {
        for kind in TargetKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    #[test]
    fn an_unknown_kind_is_named_in_the_error() {
        let error = "Postgres".parse::<TargetKind>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown kind `Postgres`: expected `sqlite`, `postgres`, `mysql`, `http` or `runner`"
        );
    }
}
