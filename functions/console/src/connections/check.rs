//! Whether a connection can be, and what is wrong with it although it can.

use countersign_app::App;
use countersign_app::administration::check_ordinary;
use countersign_app::assess::{Assess, Complaint};
use countersign_http::Problem;
use countersign_masking::{MaskingPolicy, PolicyError};
use countersign_rules::ConnectionName;
use countersign_rules::policy::check_timeout;
use countersign_storage::Connection;
use countersign_targets::{FileSecrets, SecretRef, TargetError, TargetKind, TargetSpec};

use super::shape::Body;

/// The connection that a body makes, unless it cannot be. Of its guardrails only [`check_rules`] knows.
pub(crate) fn checked(
    app: &App,
    name: ConnectionName,
    body: Body,
    before: Option<&Connection>,
) -> Result<Connection, Problem> {
    if body.name.as_deref().is_some_and(|named| named != name.as_str()) {
        return Err(
            Problem::invalid("the name in the body is not the one in the path").at("/name", "another name")
        );
    }
    if before.is_none() && name == ConnectionName::configuration() {
        let detail = format!("`{name}` is reserved: changes of the configuration are proposed on it");
        return Err(Problem::invalid(detail.clone()).at("/name", detail));
    }
    check_ordinary("/reviewers", body.reviewers.iter())?;
    check_ordinary("/exempt_groups", body.exempt_groups.iter())?;
    check_ordinary("/allowed_groups", body.allowed_groups.iter())?;
    let kind: TargetKind = body.kind.parse().map_err(|error: TargetError| invalid("/kind", &error))?;
    TargetSpec::parse(kind, &body.target).map_err(|error| match &error {
        TargetError::Member { pointer, .. } => invalid(&format!("/target{pointer}"), &error),
        _ => invalid("/target", &error),
    })?;
    let secrets = [
        ("/secret", &body.secret),
        ("/read_secret", &body.read_secret),
        ("/estimate_secret", &body.estimate_secret),
        ("/masking_key", &body.masking_key),
    ];
    for (pointer, secret) in secrets {
        if let Some(secret) = secret {
            SecretRef::parse(secret, FileSecrets::Allowed).map_err(|error| invalid(pointer, &error))?;
        }
    }
    if kind == TargetKind::Runner {
        check_runner(&body)?;
    }
    if body.secret.is_none() && kind.needs_secret() {
        let detail =
            format!("a `{}` connection needs a secret: a reference such as `env:PROD_DB_URL`", body.kind);
        return Err(Problem::invalid(detail).at("/secret", "required"));
    }
    if let Some(timeout) = body.timeout_seconds {
        check_timeout("timeout_seconds", timeout).map_err(|error| invalid("/timeout_seconds", &error))?;
    }
    let masking = masking(&body)?;
    check_ease(kind, &body)?;
    check_estimate(kind, &body)?;
    check_max_rows(kind, &body)?;
    let connection = Connection {
        name,
        kind: kind.as_str().to_owned(),
        target: body.target,
        secret: body.secret,
        read_secret: body.read_secret,
        estimate_secret: body.estimate_secret,
        guardrails: body.guardrails,
        auto_approve: body.auto_approve,
        reviewers: body.reviewers,
        approvals_per_group: body.approvals_per_group,
        distinct_reviewers: body.distinct_reviewers,
        exempt_groups: body.exempt_groups,
        allowed_groups: body.allowed_groups,
        approvals: body.approvals,
        admin_auto_approve: body.admin_auto_approve,
        timeout_seconds: body.timeout_seconds,
        run_within_seconds: body.run_within_seconds,
        require_reason: body.require_reason,
        max_rows: body.max_rows,
        masking,
        masking_key: body.masking_key,
        notify: body.notify,
        slack_channels: body.slack_channels,
        created_at: before.map_or_else(|| app.now(), |before| before.created_at),
        version: app.next_version(before.map(|before| before.version)),
    };
    connection.policy().check().map_err(|error| invalid(&format!("/{}", error.member()), &error))?;
    Ok(connection)
}

/// Whether its guardrails can be, asked of who holds what reads them.
pub(crate) async fn check_rules(app: &App, connection: &Connection) -> Result<(), Problem> {
    if connection.guardrails.is_empty() {
        return Ok(());
    }
    match app.assess(Assess::rules_of(connection)).await?.complaint {
        None => Ok(()),
        Some(complaint) => Err(complaint_of(&complaint)),
    }
}

/// What is wrong with guardrails, as a problem.
pub(crate) fn complaint_of(complaint: &Complaint) -> Problem {
    invalid(&format!("/guardrails{}", complaint.pointer), &complaint.message)
}

/// A runner has its own secrets; of ours it can look up what its own machine holds.
fn check_runner(body: &Body) -> Result<(), Problem> {
    let secrets = [("/secret", &body.secret), ("/read_secret", &body.read_secret)];
    if let Some((pointer, _)) = secrets.iter().find(|(_, secret)| secret.is_some()) {
        let detail = "a `runner` connection has no secret: give the program what it needs where it runs";
        return Err(Problem::invalid(detail).at(pointer, detail));
    }
    match body.masking_key.as_deref() {
        Some(key) if !key.starts_with("env:") && !key.starts_with("file:") => {
            let detail = "a runner looks its masking key up by `env:` or `file:`";
            Err(Problem::invalid(detail).at("/masking_key", detail))
        }
        Some(_) | None => Ok(()),
    }
}

/// What needs no votes must not be able to write, even if the rule is wrong.
fn check_ease(kind: TargetKind, body: &Body) -> Result<(), Problem> {
    let Some(ease) = body.auto_approve else { return Ok(()) };
    let refuse = |pointer: &str, detail: &str| {
        Err(Problem::invalid(format!("`auto_approve: {}` {detail}", ease.rule())).at(pointer, detail))
    };
    if !is_database(kind) {
        return refuse("/auto_approve", "is for databases: nothing else can be proved to only read");
    }
    if kind.needs_secret() && body.read_secret.is_none() {
        return refuse("/read_secret", "needs a `read_secret`: that of a role that may only read");
    }
    if kind.needs_secret() && body.read_secret == body.secret {
        return refuse(
            "/read_secret",
            "needs a `read_secret` that differs from `secret`: a role that may only read",
        );
    }
    Ok(())
}

/// Only a database that plans can be asked.
fn check_estimate(kind: TargetKind, body: &Body) -> Result<(), Problem> {
    if body.estimate_secret.is_some() && !matches!(kind.as_str(), "postgres" | "mysql") {
        let detail = format!("a `{}` connection has no estimates: leave `estimate_secret` out", body.kind);
        return Err(Problem::invalid(detail.clone()).at("/estimate_secret", detail));
    }
    Ok(())
}

/// Only databases say how many rows a command changes.
fn check_max_rows(kind: TargetKind, body: &Body) -> Result<(), Problem> {
    if body.max_rows.is_some() && !is_database(kind) {
        let detail =
            format!("`max_rows` is for databases: a `{}` command changes no rows; leave it out", body.kind);
        return Err(Problem::invalid(detail.clone()).at("/max_rows", detail));
    }
    Ok(())
}

fn is_database(kind: TargetKind) -> bool {
    matches!(kind.as_str(), "postgres" | "mysql" | "sqlite")
}

/// What is masked, and that it can be.
fn masking(body: &Body) -> Result<MaskingPolicy, Problem> {
    let refuse = |error: &PolicyError| invalid(&format!("/masking{}", error.pointer), error);
    let policy = match &body.masking {
        None => MaskingPolicy::default(),
        Some(object) => MaskingPolicy::parse(object).map_err(|error| refuse(&error))?,
    };
    // The key itself is known to the executor alone; here it only matters whether there is one.
    let has_key = body.masking_key.as_deref().is_some_and(|reference| !reference.is_empty());
    policy.check(has_key).map_err(|error| refuse(&error))?;
    Ok(policy)
}

fn invalid(pointer: &str, error: &impl std::fmt::Display) -> Problem {
    Problem::invalid(error.to_string()).at(pointer, error.to_string())
}

/// The programs that an `only` rule allows any option, although one may run code or write files. Nothing if that
/// cannot be asked: a warning is worth no error.
async fn wide_programs(app: &App, connection: &Connection) -> Vec<String> {
    if !connection.guardrails.iter().any(|rule| rule.get("only").is_some()) {
        return Vec::new();
    }
    let assessed = app.assess(Assess::rules_of(connection)).await;
    assessed.map(|assessment| assessment.wide_programs).unwrap_or_default()
}

/// What is wrong with a connection although it can be saved.
pub(crate) async fn warnings(app: &App, connection: &Connection) -> Vec<String> {
    let mut warnings = app.warnings(&connection.policy()).await;
    if !connection.masking.enabled {
        warnings.push("masking is off: what the target returns is stored and shown as it is".to_owned());
    }
    if connection.kind == "sqlite" && app.config.sqlite_root.is_none() {
        warnings.push("`sqlite` connections do not run in this deployment".to_owned());
    }
    warnings.extend(wide_programs(app, connection).await.iter().map(|program| {
        format!(
            "an `only` rule allows `{program}` any option (`*`), and some of its options may run code or write files; list the options instead"
        )
    }));
    warnings
}
