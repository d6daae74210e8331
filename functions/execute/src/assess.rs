//! What the guardrails and the masking make of a command and a text. Pure: nothing is read and nothing runs.

use countersign_app::assess::{Assess, Assessment, Complaint};
use countersign_app::guard::{dialect, judged};
use countersign_guardrails::{RuleError, RuleSet};
use countersign_masking::{Counts, Masker};
use countersign_storage::Connection;

pub(crate) fn assess(asked: &Assess) -> Assessment {
    let connection = &asked.connection;
    let masked = asked.text.as_deref().and_then(|text| masked(connection, text));
    let complaint =
        |error: &RuleError| Complaint { pointer: error.pointer.clone(), message: error.to_string() };
    match RuleSet::parse(&connection.guardrails) {
        Err(error) => Assessment { complaint: Some(complaint(&error)), verdict: None, masked },
        Ok(rules) => {
            let command = asked.command.as_deref();
            let verdict = command.map(|command| judged(connection, &rules, asked.needs_votes, command));
            // A connection that was saved before an entry was refused still says what it would do.
            let complaint = rules.fits(dialect(&connection.kind)).err().as_ref().map(complaint);
            Assessment { complaint, verdict, masked }
        }
    }
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
        Assess { connection, command: None, needs_votes: true, text: None }
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
