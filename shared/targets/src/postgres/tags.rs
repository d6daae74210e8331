//! The tag of a statement. The client library gives only its number, so the words come from here.

use squawk_syntax::SyntaxKind;

/// What a statement is, as far as its tag needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Parsed.
    Known(SyntaxKind),
    /// Not parsed; the first word, in capitals.
    Word(String),
}

/// The tag and the number of rows: `DELETE 1`, `INSERT 0 1`, `SELECT 3`, `CREATE TABLE`.
///
/// `count` is the number in the server's own tag, 0 where it has none; `returned` is the number of
/// rows that came, `None` if the statement returns none. `EXECUTE` stands as `EXECUTE n`, where the
/// server says what was executed.
pub(super) fn tag(kind: &Kind, count: u64, returned: Option<u64>) -> (String, Option<u64>) {
    let words = words(kind);
    match words.as_str() {
        "INSERT" => (format!("INSERT 0 {count}"), Some(count)),
        "UPDATE" | "DELETE" | "MERGE" | "COPY" | "FETCH" | "MOVE" | "EXECUTE" | "SELECT" => {
            (format!("{words} {count}"), Some(count))
        }
        "EXPLAIN" | "SHOW" | "CALL" => (words, returned),
        _ if returned.is_some() => (format!("SELECT {count}"), Some(count)),
        _ => (words, None),
    }
}

/// The words of a tag: `CREATE TABLE`.
pub(super) fn words(kind: &Kind) -> String {
    let name = match kind {
        Kind::Word(word) => return word.clone(),
        Kind::Known(kind) => format!("{kind:?}").replace('_', " "),
    };
    match name.as_str() {
        "SELECT INTO" | "CREATE TABLE AS" | "VALUES" | "TABLE" | "PAREN SELECT" | "COMPOUND SELECT" => {
            "SELECT".to_owned()
        }
        "TRUNCATE" => "TRUNCATE TABLE".to_owned(),
        "REFRESH" => "REFRESH MATERIALIZED VIEW".to_owned(),
        "COMMENT ON" => "COMMENT".to_owned(),
        "LOCK" => "LOCK TABLE".to_owned(),
        "DECLARE" => "DECLARE CURSOR".to_owned(),
        "CLOSE" => "CLOSE CURSOR".to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(kind: SyntaxKind, count: u64, returned: Option<u64>) -> String {
        tag(&Kind::Known(kind), count, returned).0
    }

    #[test]
    fn tags_read_like_the_servers() {
        assert_eq!(known(SyntaxKind::INSERT, 3, None), "INSERT 0 3");
        assert_eq!(known(SyntaxKind::DELETE, 1, Some(1)), "DELETE 1");
        assert_eq!(known(SyntaxKind::VALUES, 2, Some(2)), "SELECT 2");
        assert_eq!(known(SyntaxKind::CREATE_INDEX, 0, None), "CREATE INDEX");
        assert_eq!(known(SyntaxKind::CREATE_TABLE_AS, 7, None), "SELECT 7");
        assert_eq!(known(SyntaxKind::EXPLAIN, 0, Some(4)), "EXPLAIN");
        assert_eq!(tag(&Kind::Word("VACUUM".into()), 0, None), ("VACUUM".into(), None));
    }
}
