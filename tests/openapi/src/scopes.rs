//! What a token must be for to make a call, by operation.
//!
//! It stands in the document, as OpenAPI has it: as the roles that the scheme `bearer` asks for. The code says it
//! where each handler finds out who calls; `tests/it/access` asks every operation with tokens of every scope, so that
//! neither can say anything else than the other.

/// The scopes of an operation's callers, if they are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Each of these.
    Scopes(&'static [&'static str]),
    /// A runner's token, which has no scopes.
    Runner,
    /// Nothing: it does not ask who calls, or asks in another way.
    Nothing,
}

const READ: Needs = Needs::Scopes(&["read"]);
const SUBMIT: Needs = Needs::Scopes(&["submit"]);
const DECIDE: Needs = Needs::Scopes(&["decide"]);
const MANAGE: Needs = Needs::Scopes(&["manage"]);

/// Every operation, and what it needs.
pub const NEEDS: &[(&str, Needs)] = &[
    ("health", Needs::Nothing),
    ("openapi_document", Needs::Nothing),
    ("show_me", READ),
    ("list_connections", READ),
    ("show_connection", READ),
    ("put_connection", MANAGE),
    ("delete_connection", MANAGE),
    ("test_connection", MANAGE),
    ("check_command", SUBMIT),
    ("test_guardrails", SUBMIT),
    ("refresh_connection", MANAGE),
    ("submit_request", SUBMIT),
    ("list_requests", READ),
    ("export_requests", READ),
    ("show_request", READ),
    ("list_events", READ),
    ("get_output", READ),
    ("approve_request", DECIDE),
    ("reject_request", DECIDE),
    ("cancel_request", SUBMIT),
    ("run_request", SUBMIT),
    ("settle_request", MANAGE),
    ("list_users", READ),
    ("show_user", READ),
    ("put_user", MANAGE),
    ("list_groups", READ),
    ("list_tokens", READ),
    ("create_token", MANAGE),
    ("revoke_token", MANAGE),
    ("list_webhooks", READ),
    ("create_webhook", MANAGE),
    ("show_webhook", READ),
    ("put_webhook", MANAGE),
    ("delete_webhook", MANAGE),
    ("test_webhook", MANAGE),
    ("rotate_webhook_secret", MANAGE),
    ("list_deliveries", READ),
    ("replay_delivery", MANAGE),
    ("show_slack", READ),
    ("put_slack", MANAGE),
    ("test_slack", MANAGE),
    ("show_teams", READ),
    ("put_teams", MANAGE),
    ("test_teams", MANAGE),
    ("request_notifications", READ),
    // Whoever is that Slack user does there what the account may.
    ("create_slack_link", Needs::Scopes(&["read", "submit", "decide", "manage"])),
    ("delete_slack_link", MANAGE),
    ("delete_slack_link_of_user", MANAGE),
    ("list_sessions", READ),
    ("end_session", MANAGE),
    ("slack_command", Needs::Nothing),
    ("slack_interaction", Needs::Nothing),
    ("find_work", Needs::Runner),
    ("claim_request", Needs::Runner),
    ("renew_lease", Needs::Runner),
    ("put_output", Needs::Runner),
    ("complete_request", Needs::Runner),
    ("show_analytics", READ),
    ("list_checkpoints", READ),
    ("export_audit", READ),
    ("list_audit_keys", READ),
    ("show_receipt", READ),
];

/// What an operation needs; none if the table does not know it.
#[must_use]
pub fn of(operation: &str) -> Option<Needs> {
    NEEDS.iter().find(|(name, _)| *name == operation).map(|(_, needs)| *needs)
}
