//! The first words of a statement, for its tag. What may run is the authorizer's business.

/// The first `limit` words in capitals, without comments; stops at what is no word.
pub(super) fn first_words(sql: &str, limit: usize) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = sql;
    while words.len() < limit {
        rest = skip(rest);
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if word.is_empty() {
            break;
        }
        words.push(word.to_ascii_uppercase());
        rest = after;
    }
    words
}

/// Space, comments and empty statements.
fn skip(mut text: &str) -> &str {
    loop {
        let trimmed = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0c', '\u{feff}', ';']);
        text = if let Some(comment) = trimmed.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(comment) = trimmed.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return trimmed;
        };
    }
}

/// The words of the tag: `CREATE TABLE`, `DROP INDEX`, `DELETE`.
pub(super) fn verb(words: &[String]) -> String {
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

    fn verb_of(sql: &str) -> String {
        verb(&first_words(sql, 4))
    }

    #[test]
    fn the_verb_is_found_behind_comments() {
        assert_eq!(verb_of(" -- x\n/* y */ ; Delete from t"), "DELETE");
        assert_eq!(verb_of("create temp table if not exists t(a)"), "CREATE TABLE");
        assert_eq!(verb_of("CREATE UNIQUE INDEX i on t(a)"), "CREATE INDEX");
        assert_eq!(verb_of("values (1)"), "SELECT");
        assert_eq!(verb_of("/* open"), "");
    }
}
