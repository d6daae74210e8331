//! What a CreateSchedule request must look like.

use crate::{ACCOUNT, REGION};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// The scheduler's limit for a target's input.
const INPUT_LIMIT_BYTES: usize = 256 * 1024;
const DEFAULT_GROUP: &str = "default";
const AT: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");

/// The body of CreateSchedule, as the SDK writes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateSchedule {
    pub(super) schedule_expression: String,
    pub(super) target: Target,
    flexible_time_window: FlexibleTimeWindow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schedule_expression_timezone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) action_after_completion: Option<AfterCompletion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<State>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client_token: Option<String>,
}

/// What is invoked, with what, and how often when it fails.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Target {
    pub(super) arn: String,
    role_arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_policy: Option<RetryPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<Value>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RetryPolicy {
    #[serde(default)]
    maximum_event_age_in_seconds: Option<i64>,
    #[serde(default)]
    maximum_retry_attempts: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FlexibleTimeWindow {
    mode: WindowMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maximum_window_in_minutes: Option<i64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum WindowMode {
    Off,
    Flexible,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum AfterCompletion {
    None,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum State {
    Enabled,
    Disabled,
}

/// A schedule that can be stored.
#[derive(Debug)]
pub(super) struct NewSchedule {
    pub(super) group: String,
    pub(super) name: String,
    /// The second at which it fires, since 1970.
    pub(super) at_unix: i64,
    pub(super) max_retries: i64,
    pub(super) max_age_seconds: i64,
    pub(super) request: CreateSchedule,
}

impl NewSchedule {
    /// Checks a request; the error is the text of a ValidationException.
    pub(super) fn parse(name: &str, body: &[u8]) -> Result<Self, String> {
        check_name("name", name)?;
        let request: CreateSchedule = serde_json::from_slice(body)
            .map_err(|e| format!("the body is no CreateSchedule request: {e}"))?;
        let group = request.group_name.clone().unwrap_or_else(default_group);
        check_name("group name", &group)?;
        let at_unix = parse_at(&request)?;
        check_target(&request.target)?;
        let (max_retries, max_age_seconds) = retries(request.target.retry_policy)?;
        Ok(Self { group, name: name.to_owned(), at_unix, max_retries, max_age_seconds, request })
    }
}

/// The group of a schedule that names none.
pub(super) fn default_group() -> String {
    DEFAULT_GROUP.to_owned()
}

/// The ARN of a schedule.
pub(super) fn arn(group: &str, name: &str) -> String {
    format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{group}/{name}")
}

/// The service's own rule: 1 to 64 of `0-9 a-z A-Z - _ .`.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), String> {
    let good = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    match good {
        true => Ok(()),
        false => Err(format!("the {what} must have 1 to 64 characters of 0-9, a-z, A-Z, `-`, `_` and `.`")),
    }
}

/// `at(yyyy-mm-ddThh:mm:ss)`, UTC.
fn parse_at(request: &CreateSchedule) -> Result<i64, String> {
    match request.schedule_expression_timezone.as_deref() {
        None | Some("UTC" | "Etc/UTC") => {}
        Some(other) => {
            return Err(format!("the time zone `{other}` is not known here: only UTC is"));
        }
    }
    let expression = request.schedule_expression.as_str();
    expression
        .strip_prefix("at(")
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|at| PrimitiveDateTime::parse(at, AT).ok())
        .map(|at| at.assume_utc().unix_timestamp())
        .ok_or_else(|| {
            format!("invalid schedule expression `{expression}`: expected at(yyyy-mm-ddThh:mm:ss)")
        })
}

fn check_target(target: &Target) -> Result<(), String> {
    if !target.arn.starts_with("arn:") {
        return Err("the target's Arn must be an ARN".to_owned());
    }
    if !target.role_arn.starts_with("arn:") {
        return Err("the target's RoleArn must be an ARN".to_owned());
    }
    let Some(input) = &target.input else {
        return Ok(());
    };
    if input.len() > INPUT_LIMIT_BYTES {
        return Err(format!("the input has {} bytes; at most {INPUT_LIMIT_BYTES} are allowed", input.len()));
    }
    match serde_json::from_str::<Value>(input) {
        Ok(_) => Ok(()),
        Err(_) => Err("the input for a Lambda target must be JSON".to_owned()),
    }
}

/// Retries and the age in seconds, with the service's own defaults and bounds.
fn retries(policy: Option<RetryPolicy>) -> Result<(i64, i64), String> {
    let retries = policy.and_then(|p| p.maximum_retry_attempts).unwrap_or(185);
    if !(0..=185).contains(&retries) {
        return Err("MaximumRetryAttempts must be 0 to 185".to_owned());
    }
    let age = policy.and_then(|p| p.maximum_event_age_in_seconds).unwrap_or(86_400);
    if !(60..=86_400).contains(&age) {
        return Err("MaximumEventAgeInSeconds must be 60 to 86400".to_owned());
    }
    Ok((retries, age))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body() -> Value {
        json!({
            "ScheduleExpression": "at(2030-01-02T03:04:05)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": "arn:aws:lambda:local:0:function:expire",
                       "RoleArn": "arn:aws:iam::0:role/scheduler", "Input": "{}"},
        })
    }

    fn with(pointer: &str, value: Value) -> Result<NewSchedule, String> {
        let mut body = body();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[member] = value;
        NewSchedule::parse("name", body.to_string().as_bytes())
    }

    #[test]
    fn a_time_is_read_to_the_second_in_utc() {
        let schedule = NewSchedule::parse("name", body().to_string().as_bytes()).unwrap();
        assert_eq!(schedule.at_unix, 1_893_553_445);
        assert_eq!(schedule.group, "default");
        assert_eq!((schedule.max_retries, schedule.max_age_seconds), (185, 86_400));
    }

    #[test]
    fn what_the_service_refuses_is_refused() {
        for (pointer, value) in [
            ("/ScheduleExpression", json!("rate(1 minute)")),
            ("/ScheduleExpression", json!("at(2030-02-30T00:00:00)")),
            ("/ScheduleExpression", json!("at(2030-01-02T03:04:05Z)")),
            ("/ScheduleExpressionTimezone", json!("Europe/Berlin")),
            ("/GroupName", json!("a group")),
            ("/Target/Arn", json!("expire")),
            ("/Target/Input", json!("no json")),
            ("/Target/Input", json!(format!("\"{}\"", "x".repeat(256 * 1024)))),
            ("/Target/RetryPolicy", json!({"MaximumRetryAttempts": 186})),
            ("/Target/RetryPolicy", json!({"MaximumEventAgeInSeconds": 59})),
        ] {
            assert!(with(pointer, value.clone()).is_err(), "{pointer}");
        }
    }

    #[test]
    fn names_follow_the_services_own_rule() {
        for good in ["a", "req_01ABC.1700000000-x", &"x".repeat(64)] {
            assert!(check_name("name", good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(check_name("name", bad).is_err(), "{bad}");
        }
    }
}
