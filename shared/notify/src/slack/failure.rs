//! What comes of a call to Slack that does not do what it should, and what somebody can do about it.

use std::time::Duration;

/// Why a call did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackFailure {
    /// Too many calls.
    #[error("Slack wants a pause of {} seconds", .0.as_secs())]
    RateLimited(Duration),
    /// The token is not valid, or not any more.
    #[error("Slack does not take the bot token ({0}); install the app again and save the new token")]
    Token(String),
    /// The token lacks a right.
    #[error(
        "the app lacks the right `{0}` (missing_scope); add it in the app's settings and install the app again"
    )]
    Scope(String),
    /// The app is not in that channel.
    #[error("the app is not in that channel (not_in_channel); type `/invite @Countersign` there")]
    NotInChannel,
    /// There is no such channel, or it is private and the app is not in it.
    #[error(
        "there is no such channel, or it is private (channel_not_found): check its name, or type `/invite @Countersign` there"
    )]
    NoSuchChannel,
    /// The channel is archived.
    #[error("that channel is archived (is_archived); name another one on the connection")]
    Archived,
    /// There is no such user, or they cannot be written to.
    #[error("that Slack user cannot be written to ({0})")]
    NoSuchUser(String),
    /// The message was deleted, or is too old to be changed.
    #[error("the message is gone ({0})")]
    MessageGone(String),
    /// Slack's three seconds were over.
    #[error("Slack's time to open a dialog was over ({0}); press the button again")]
    TooLate(String),
    /// Slack takes no such message: a fault of ours.
    #[error("Slack does not take this message ({0})")]
    Refused(String),
    /// Slack has trouble of its own.
    #[error("Slack has trouble ({0})")]
    Trouble(String),
    /// There was no answer.
    #[error("Slack could not be reached ({0})")]
    Unreachable(String),
}

impl SlackFailure {
    /// Whether it may go better without anybody doing anything.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::RateLimited(_) | Self::Trouble(_) | Self::Unreachable(_) => true,
            // Somebody has to do something, and then it should arrive: an invitation, a new token.
            Self::Token(_) | Self::Scope(_) | Self::NotInChannel | Self::NoSuchChannel => true,
            Self::Archived
            | Self::NoSuchUser(_)
            | Self::MessageGone(_)
            | Self::TooLate(_)
            | Self::Refused(_) => false,
        }
    }

    /// The shortest pause before it is tried again, if Slack said one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(pause) => Some(*pause),
            _ => None,
        }
    }

    /// What Slack's `error` means.
    #[must_use]
    pub fn of_code(code: &str, needed: Option<&str>) -> Self {
        let known =
            || code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect::<String>();
        match code {
            "ratelimited" | "rate_limited" | "message_limit_exceeded" => {
                Self::RateLimited(Duration::from_secs(1))
            }
            "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired"
            | "org_login_required" | "ekm_access_denied" => Self::Token(known()),
            "missing_scope" | "no_permission" | "not_allowed_token_type" => {
                Self::Scope(needed.map_or_else(known, |needed| needed.chars().take(64).collect()))
            }
            "not_in_channel" => Self::NotInChannel,
            "channel_not_found" => Self::NoSuchChannel,
            "is_archived" => Self::Archived,
            "user_not_found"
            | "user_disabled"
            | "users_not_found"
            | "cannot_dm_bot"
            | "user_not_visible"
            | "messages_tab_disabled" => Self::NoSuchUser(known()),
            "message_not_found" | "cant_update_message" | "edit_window_closed" => Self::MessageGone(known()),
            "expired_trigger_id"
            | "exchanged_trigger_id"
            | "trigger_expired"
            | "trigger_exchanged"
            | "invalid_trigger_id" => Self::TooLate(known()),
            "internal_error"
            | "fatal_error"
            | "service_unavailable"
            | "request_timeout"
            | "team_added_to_org" => Self::Trouble(known()),
            _ => Self::Refused(known()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_to_do_and_whether_time_helps() {
        let of = |code: &str| SlackFailure::of_code(code, None);
        assert_eq!(of("not_in_channel"), SlackFailure::NotInChannel);
        assert!(of("not_in_channel").to_string().contains("/invite"));
        assert!(of("not_in_channel").may_pass() && !of("is_archived").may_pass());
        assert_eq!(of("message_not_found"), SlackFailure::MessageGone("message_not_found".to_owned()));
        assert_eq!(
            SlackFailure::of_code("missing_scope", Some("im:write")),
            SlackFailure::Scope("im:write".to_owned())
        );
        assert_eq!(of("<!channel>"), SlackFailure::Refused("channel".to_owned()));
    }
}
