//! The words of a statement's tag. What may run is the authorizer's business.

use countersign_guardrails::text::{Piece, TokenKind};

/// `CREATE TABLE`, `DROP INDEX`, `DELETE`.
pub(super) fn of(piece: &Piece<'_>) -> String {
    let words = piece.tokens.iter().take_while(|token| token.kind == TokenKind::Word).take(4);
    let words: Vec<String> = words.map(|token| token.text.to_ascii_uppercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [verb @ ("CREATE" | "DROP" | "ALTER"), others @ ..] => {
            let object = others.iter().find(|word| ["TABLE", "INDEX", "VIEW", "TRIGGER"].contains(word));
            object.map_or((*verb).to_owned(), |object| format!("{verb} {object}"))
        }
        ["VALUES", ..] => "SELECT".to_owned(),
        ["REPLACE", ..] => "INSERT".to_owned(),
        [verb, ..] => (*verb).to_owned(),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_guardrails::Dialect;
    use countersign_guardrails::text::split;

    fn verb_of(sql: &str) -> String {
        of(split(sql, Dialect::Sqlite).unwrap().first().unwrap())
    }

    #[test]
    fn the_verb_is_found_behind_comments() {
        assert_eq!(verb_of(" -- x\n/* y */ ; Delete from t"), "DELETE");
        assert_eq!(verb_of("create temp table if not exists t(a)"), "CREATE TABLE");
        assert_eq!(verb_of("CREATE UNIQUE INDEX i on t(a)"), "CREATE INDEX");
        assert_eq!(verb_of("values (1)"), "SELECT");
        assert_eq!(verb_of("replace into t values (1)"), "INSERT");
    }
}
