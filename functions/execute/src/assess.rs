//! What the guardrails and the masking make of a command and a text. Pure: nothing is read and nothing runs.

use std::collections::BTreeSet;

use countersign_app::assess::{Assess, AssessedStatement, Assessment, Complaint};
use countersign_app::corpus::{CorpusStatement, SourceError, statements};
use countersign_app::guard::{dialect, judged_with};
use countersign_catalogue::Catalogue;
use countersign_guardrails::text::Position;
use countersign_guardrails::{RuleError, RuleSet, analyse};
use countersign_masking::{Counts, Masker};
use countersign_rules::risk::Verdict;
use countersign_storage::Connection;

pub(crate) fn assess(asked: &Assess, catalogue: Option<&Catalogue>) -> Assessment {
    let connection = &asked.connection;
    let masked = asked.text.as_deref().and_then(|text| masked(connection, text));
    let complaint =
        |error: &RuleError| Complaint { pointer: error.pointer.clone(), message: error.to_string() };
    match RuleSet::parse(&connection.guardrails) {
        Err(error) => Assessment { complaint: Some(complaint(&error)), masked, ..Assessment::default() },
        Ok(rules) => {
            let judge = Judge { connection, rules: &rules, needs_votes: asked.needs_votes, catalogue };
            // A connection that was saved before an entry was refused still says what it would do.
            let complaint = rules.fits(dialect(&connection.kind)).err().as_ref().map(complaint);
            let wide_programs: BTreeSet<&str> = rules.wide_entries().collect();
            let mut assessment = Assessment {
                complaint,
                masked,
                wide_programs: wide_programs.into_iter().map(str::to_owned).collect(),
                ..Assessment::default()
            };
            if let Some(command) = &asked.command {
                let (verdict, error) = judge.command(command);
                (assessment.verdict, assessment.errors) = (Some(verdict), error.into_iter().collect());
            }
            if let Some(file) = &asked.statements {
                match judge.file(file) {
                    Ok(statements) => assessment.statements = statements,
                    Err(error) => assessment.errors.push(error),
                }
            }
            assessment
        }
    }
}

struct Judge<'a> {
    connection: &'a Connection,
    rules: &'a RuleSet,
    needs_votes: bool,
    catalogue: Option<&'a Catalogue>,
}

impl Judge<'_> {
    /// What the rules say of a command, and where it was not understood.
    fn command(&self, command: &str) -> (Verdict, Option<SourceError>) {
        let verdict = judged_with(self.connection, self.rules, self.needs_votes, command, self.catalogue);
        let analysis = analyse(dialect(&self.connection.kind), command);
        let why = || analysis.why_not.clone().unwrap_or_else(|| "it could not be understood".to_owned());
        let error = (!analysis.understood).then(|| SourceError::new(analysis.position, why()));
        (verdict, error)
    }

    /// What they say of each statement of a file.
    fn file(&self, file: &str) -> Result<Vec<AssessedStatement>, SourceError> {
        let statements = statements(dialect(&self.connection.kind), file)?;
        Ok(statements.into_iter().map(|statement| self.statement(statement)).collect())
    }

    fn statement(&self, statement: CorpusStatement<'_>) -> AssessedStatement {
        let (verdict, error) = self.command(statement.text);
        AssessedStatement {
            line: statement.position.line,
            column: statement.position.column,
            start: statement.start(),
            block: verdict.block,
            ease: verdict.ease,
            error: error.map(|error| in_file(error, statement.position)),
            expectation: statement.expectation,
        }
    }
}

/// The place of an error in a statement as a place in its file.
fn in_file(error: SourceError, start: Position) -> SourceError {
    let (Some(line), Some(column)) = (error.line, error.column) else { return error };
    let column = if line == 1 { start.column + column - 1 } else { column };
    SourceError { line: Some(start.line + line - 1), column: Some(column), ..error }
}

/// The key of the style `hash` is not resolved for this: any one shows what would be replaced.
fn masked(connection: &Connection, text: &str) -> Option<String> {
    let key = connection.masking_key.as_deref().map(str::as_bytes);
    Masker::new(&connection.masking, key).ok()?.text(text, &mut Counts::default()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn assess(asked: &Assess) -> Assessment {
        super::assess(asked, None)
    }

    fn asked(more: &Value) -> Assess {
        let mut connection = json!({
            "name": "prod-db", "kind": "postgres", "target": {}, "secret": "env:URL", "reviewers": ["dba-team"],
            "approvals_per_group": 1, "distinct_reviewers": true, "exempt_groups": [], "allowed_groups": [],
            "approvals": true, "admin_auto_approve": true, "timeout_seconds": null, "run_within_seconds": 3600,
            "require_reason": false, "masking": {}, "notify": [], "slack_channels": [],
            "created_at": "2026-11-25T10:00:00Z", "version": 1
        });
        connection.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let connection = serde_json::from_value(connection).unwrap();
        Assess { connection, command: None, needs_votes: true, text: None, statements: None }
    }

    #[test]
    fn a_command_is_judged_by_the_rules_that_came_along() {
        let asked = Assess {
            command: Some("DROP TABLE customers".to_owned()),
            ..asked(&json!({ "guardrails": ["no-drop"] }))
        };
        let verdict = assess(&asked).verdict.unwrap();
        assert_eq!(verdict.block.unwrap().rule, "no-drop");
        assert_eq!(verdict.risk.unwrap().statements, ["DROP TABLE"]);
    }

    #[test]
    fn a_read_needs_no_votes_only_where_it_would_need_some() {
        let reads = json!({ "auto_approve": "reads", "read_secret": "env:READ_URL" });
        let command = Some("SELECT 1".to_owned());
        let one = Assess { command, ..asked(&reads) };
        assert_eq!(assess(&one).verdict.unwrap().ease.as_deref(), Some("reads"));
        let exempt = Assess { needs_votes: false, ..one };
        assert_eq!(assess(&exempt).verdict.unwrap().ease, None);
    }

    #[test]
    fn rules_that_cannot_be_are_named_by_their_place() {
        let wrong = [
            json!(["no-drop", "no-such-preset"]),
            json!([{ "name": "x", "deny": {} }]),
            json!([{ "name": "x", "deny": { "pattern": "(" } }]),
        ];
        let places = ["/1", "/0/deny", "/0/deny/pattern"];
        for (rules, place) in wrong.iter().zip(places) {
            let found = assess(&asked(&json!({ "guardrails": rules })));
            assert_eq!(found.complaint.unwrap().pointer, place);
            assert_eq!(found.verdict, None);
        }
        let about_tables = json!([{ "name": "x", "deny": { "table": ["t"] } }]);
        let unfit = assess(&asked(&json!({ "kind": "runner", "guardrails": about_tables })));
        assert!(unfit.complaint.unwrap().message.contains("tables"));
    }

    #[test]
    fn a_command_that_is_not_understood_has_a_place() {
        let command = Some("SELECT 1;\n  SELEKT 2".to_owned());
        let sqlite = json!({ "kind": "sqlite", "secret": null });
        let assessment = assess(&Assess { command, ..asked(&sqlite) });
        let [error] = assessment.errors.as_slice() else { panic!("one error") };
        assert_eq!((error.line, error.column), (Some(2), Some(3)), "{error:?}");
        let understood = Assess { command: Some("SELECT 1".to_owned()), ..asked(&json!({})) };
        assert!(assess(&understood).errors.is_empty());
    }

    #[test]
    fn each_statement_of_a_file_is_judged_on_its_own() {
        let rules = json!({ "kind": "sqlite", "secret": null, "guardrails": ["no-drop", { "name": "one", "deny": { "multiple_statements": true } }] });
        let file = "SELECT 1;\n-- expect: blocked by no-drop\nDROP TABLE a; SELEKT 2".to_owned();
        let assessment = assess(&Assess { statements: Some(file), ..asked(&rules) });
        let blocks: Vec<Option<&str>> = assessment
            .statements
            .iter()
            .map(|statement| statement.block.as_ref().map(|block| block.rule.as_str()))
            .collect();
        assert_eq!(blocks, [None, Some("no-drop"), Some("no-drop")]);
        let last = assessment.statements.last().unwrap();
        assert_eq!((last.line, last.column, last.start.as_str()), (3, 15, "SELEKT 2"));
        assert_eq!(last.error.as_ref().and_then(|error| error.column), Some(15));
        let unclosed = assess(&Assess { statements: Some("SELECT 'a".to_owned()), ..asked(&rules) });
        assert_eq!(unclosed.errors.first().and_then(|error| error.line), Some(1));
    }

    #[test]
    fn a_standing_row_bound_blocks_what_cannot_be_counted_and_lets_reads_pass() {
        let bounded = json!({ "max_rows": 5 });
        let block = |command: &str| {
            let command = Some(command.to_owned());
            assess(&Assess { command, ..asked(&bounded) }).verdict.unwrap().block
        };
        for command in ["CREATE TABLE a (b int)", "SELECT nextval('s')", "CALL p()", "SELEKT 1", "TRUNCATE a"]
        {
            let block = block(command).unwrap();
            assert_eq!(block.rule, "max_rows", "{command}");
            assert!(block.message.contains("at most 5 rows"), "{}", block.message);
        }
        for command in ["DELETE FROM a", "SELECT 1", "EXPLAIN SELECT 1", "SHOW search_path"] {
            assert_eq!(block(command), None, "{command}");
        }
    }

    #[test]
    fn an_only_rule_with_a_star_is_named_where_options_run_code() {
        let only = json!({ "kind": "runner", "secret": null,
            "guardrails": [{ "name": "o", "only": { "commands": ["tar *", "ls *"] } }] });
        assert_eq!(assess(&asked(&only)).wide_programs, ["tar"]);
    }

    #[test]
    fn a_text_is_shown_as_the_policy_says_and_not_at_all_if_it_cannot_be_masked() {
        let text = Some("write to ada@example.com".to_owned());
        let plain = assess(&Assess { text: text.clone(), ..asked(&json!({})) });
        assert_eq!(plain.masked.as_deref(), Some("write to <EMAIL_ADDRESS>"));
        let hashed = json!({ "masking": { "style": "hash" } });
        assert_eq!(assess(&Assess { text: text.clone(), ..asked(&hashed) }).masked, None, "there is no key");
        let with_key = json!({ "masking": { "style": "hash" }, "masking_key": "env:MASKING_KEY" });
        let masked = assess(&Assess { text, ..asked(&with_key) }).masked.unwrap();
        assert!(masked.starts_with("write to <EMAIL_ADDRESS:"), "{masked}");
    }
}
