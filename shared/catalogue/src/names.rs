//! Names, compared as the server compares them.

use serde::{Deserialize, Serialize};

use crate::{Catalogue, Table};

/// A name with its schema (in MySQL: its database).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name {
    /// The schema.
    #[serde(rename = "s")]
    pub schema: String,
    /// The name in it.
    #[serde(rename = "n")]
    pub name: String,
}

impl Name {
    /// A name in a schema.
    #[must_use]
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }
}

/// How a server compares the names of tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Folding {
    /// Byte by byte. The parser folds names without quotes first (PostgreSQL).
    #[default]
    Exact,
    /// Without regard to case (SQLite; MySQL, whose analysis gives names in small letters).
    IgnoreCase,
}

impl Folding {
    /// Whether two names are the same one.
    #[must_use]
    pub fn same(self, one: &str, other: &str) -> bool {
        match self {
            Self::Exact => one == other,
            Self::IgnoreCase => one == other || one.to_lowercase() == other.to_lowercase(),
        }
    }
}

impl Catalogue {
    /// Whether a reference may mean this name. A reference without a schema may mean the name in any schema.
    ///
    /// `schema` may carry the database in front (`shop.public`); only its last part counts.
    #[must_use]
    pub fn may_mean(&self, schema: Option<&str>, name: &str, candidate: &Name) -> bool {
        let last = schema.map(|schema| schema.rsplit('.').next().unwrap_or(schema));
        self.folding.same(name, &candidate.name)
            && last.is_none_or(|schema| self.folding.same(schema, &candidate.schema))
    }

    /// All tables that a reference may mean.
    pub fn tables_named<'a>(
        &'a self,
        schema: Option<&'a str>,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Table> {
        self.tables.iter().filter(move |table| self.may_mean(schema, name, &table.name))
    }

    /// The table that a reference most probably means: without a schema, the first one on the search path. Of several, such
    /// as `T` and `t` on a server that distinguishes them, one whose changes no rollback undoes.
    #[must_use]
    pub fn table(&self, schema: Option<&str>, name: &str) -> Option<&Table> {
        let place = |table: &&Table| {
            let on_path = |schema: &String| self.folding.same(schema, &table.name.schema);
            (self.search_path.iter().position(on_path).unwrap_or(usize::MAX), !table.ignores_rollback)
        };
        self.tables.iter().filter(|table| self.may_mean(schema, name, &table.name)).min_by_key(place)
    }

    /// A name for people: without the schema if it is the first on the search path.
    #[must_use]
    pub fn shown(&self, name: &Name) -> String {
        match self.search_path.first() {
            Some(first) if self.folding.same(first, &name.schema) => name.name.clone(),
            _ => format!("{}.{}", name.schema, name.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(folding: Folding) -> Catalogue {
        let table = |schema: &str, name: &str| Table { name: Name::new(schema, name), ..Table::default() };
        Catalogue {
            folding,
            search_path: vec!["app".to_owned(), "public".to_owned()],
            tables: vec![
                table("audit", "log"),
                table("public", "log"),
                table("app", "log"),
                table("public", "Log"),
            ],
            ..Catalogue::default()
        }
    }

    #[test]
    fn a_name_without_a_schema_is_the_first_on_the_search_path_and_may_be_any() {
        let exact = catalogue(Folding::Exact);
        assert_eq!(exact.table(None, "log").unwrap().name, Name::new("app", "log"));
        assert_eq!(exact.tables_named(None, "log").count(), 3);
        assert_eq!(exact.table(Some("audit"), "log").unwrap().name, Name::new("audit", "log"));
        assert_eq!(exact.table(Some("shop.audit"), "log").unwrap().name, Name::new("audit", "log"));
        assert_eq!(exact.table(Some("nowhere"), "log"), None);
    }

    #[test]
    fn case_counts_as_it_does_on_the_server() {
        assert_eq!(catalogue(Folding::Exact).tables_named(None, "LOG").count(), 0);
        assert_eq!(catalogue(Folding::IgnoreCase).tables_named(None, "LOG").count(), 4);
    }

    #[test]
    fn of_tables_that_differ_in_case_alone_the_one_without_rollback_counts() {
        let mut both = catalogue(Folding::IgnoreCase);
        assert_eq!(both.table(Some("public"), "log").unwrap().name, Name::new("public", "log"));
        both.tables[3].ignores_rollback = true;
        assert_eq!(both.table(Some("public"), "log").unwrap().name, Name::new("public", "Log"));
        assert_eq!(both.table(None, "log").unwrap().name, Name::new("app", "log"), "the path comes first");
    }

    #[test]
    fn the_usual_schema_is_not_shown() {
        let exact = catalogue(Folding::Exact);
        assert_eq!(exact.shown(&Name::new("app", "log")), "log");
        assert_eq!(exact.shown(&Name::new("audit", "log")), "audit.log");
    }
}
