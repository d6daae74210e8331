//! The environment, read once at the start.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

pub use countersign_aws::ConfigError;
use countersign_identity::oidc::Settings;
use countersign_notify::Schedule;
use countersign_timer::TimerConfig;

/// What a function needs to know. Members that a function does not need may be absent from its
/// environment; it refuses to start if one that it needs is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `COUNTERSIGN_TABLE`: the table's name.
    pub table: String,
    /// `COUNTERSIGN_PUBLIC_URL`: where people reach the service, without a slash at the end.
    pub public_url: String,
    /// `COUNTERSIGN_EPOCH`: raised after a restore from a backup. Default 1.
    pub epoch: u32,
    /// `REVIEW_TIMEOUT_SEC`: how long votes may come unless a connection says otherwise, in
    /// seconds. Default 3600.
    pub review_timeout_sec: u32,
    /// `COUNTERSIGN_OPEN_REQUESTS_PER_PERSON`: how many requests of one account may be PENDING, APPROVED or
    /// RUNNING at once. Default 100.
    pub open_requests_per_person: u32,
    /// `COUNTERSIGN_MAX_WAIT_SECONDS`: the longest long poll. Default 20, at most 25.
    pub max_wait_seconds: u32,
    /// `COUNTERSIGN_LEASE_MARGIN_SEC`: how much longer than the statement time-out an executor's
    /// lease is, in seconds. Default 60.
    pub lease_margin_sec: u32,
    /// `COUNTERSIGN_SQLITE_ROOT`: the folder below which `sqlite` targets live; none refuses them.
    pub sqlite_root: Option<PathBuf>,
    /// `COUNTERSIGN_SECRET_PREFIX`: what the names of secrets that AWS keeps begin with, without a slash
    /// at the start. Default `countersign/`.
    pub secret_prefix: String,
    /// `COUNTERSIGN_CALLS_PER_SECOND`: how many calls a second one caller may make of one process. Unbounded
    /// if it is not set.
    pub calls_per_second: Option<NonZeroU32>,
    /// `COUNTERSIGN_ADMIN_FOUR_EYES`: `on` where what an admin changes of who reviews what, and of what runs
    /// where, waits for another admin. Default `off`.
    pub admin_four_eyes: bool,
    /// `COUNTERSIGN_AUDIT_KEY`: the reference to the key that signs checkpoints.
    pub audit_key: Option<String>,
    /// `COUNTERSIGN_AUDIT_BUCKET`: the bucket that checkpoints are copied to.
    pub audit_bucket: Option<String>,
    /// `COUNTERSIGN_OIDC_ISSUER` and `COUNTERSIGN_OIDC_…`: the issuer through which people sign in.
    pub oidc: Option<Settings>,
    /// `COUNTERSIGN_EXECUTE_FUNCTION`: the function that runs commands.
    pub execute_function: Option<String>,
    /// `COUNTERSIGN_DELIVER_FUNCTION`: the function that makes deliveries.
    pub deliver_function: Option<String>,
    /// `COUNTERSIGN_RETRY_SCHEDULE`: the pauses between the attempts of a delivery. Default
    /// `5s,5m,30m,2h,5h,10h,10h`. `COUNTERSIGN_GIVE_UP_AFTER_SEC`: how long without success until a
    /// delivery, and an endpoint, is given up, in seconds. Default 432000, five days.
    pub retries: Schedule,
    /// `COUNTERSIGN_DELIVERY_TIMEOUT_SEC`: how long one attempt may take in all, in seconds. Default 15.
    pub delivery_timeout_sec: u32,
    /// `COUNTERSIGN_NOTIFY_GRACE_SEC`: how old an event is before the sweep looks whether it is on its way
    /// to everybody. Default 60.
    pub notify_grace_sec: u32,
    /// Whether webhooks may be on this machine, with plain HTTP. Never of the environment: in Lambda
    /// the runtime's own API is there.
    pub loopback_webhooks: bool,
    /// `COUNTERSIGN_SESSION_IDLE_MINUTES`, in seconds: how long a session of a browser goes on that nobody uses.
    /// Default an hour.
    pub session_idle_seconds: u32,
    /// `COUNTERSIGN_SCHEDULE_GROUP`, `COUNTERSIGN_EXPIRE_ARN`, `COUNTERSIGN_SCHEDULER_ROLE_ARN`,
    /// `COUNTERSIGN_DEAD_LETTER_ARN`: how timers are set.
    pub timer: Option<TimerConfig>,
}

impl Config {
    /// Reads the configuration through `lookup`, which is the process's environment in Lambda.
    ///
    /// # Errors
    /// The first variable that is missing or wrong.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let set = |name: &'static str| lookup(name).filter(|value| !value.is_empty());
        let required = |name: &'static str| set(name).ok_or(ConfigError::Missing(name));
        let number = |name: &'static str, default: u32| match set(name) {
            None => Ok(default),
            Some(got) => match got.parse::<u32>() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(ConfigError::Invalid { name, expected: "a whole number above 0", got }),
            },
        };
        let timer = match set("COUNTERSIGN_SCHEDULE_GROUP") {
            None => None,
            Some(group) => Some(TimerConfig {
                group,
                target_arn: required("COUNTERSIGN_EXPIRE_ARN")?,
                role_arn: required("COUNTERSIGN_SCHEDULER_ROLE_ARN")?,
                dead_letter_arn: set("COUNTERSIGN_DEAD_LETTER_ARN"),
            }),
        };
        let retries = match set("COUNTERSIGN_RETRY_SCHEDULE") {
            None => Schedule::default(),
            Some(got) => Schedule::parse(&got).map_err(|_| ConfigError::Invalid {
                name: "COUNTERSIGN_RETRY_SCHEDULE",
                expected: "pauses such as `5s,5m,30m,2h`",
                got,
            })?,
        };
        let session_idle_seconds = match number("COUNTERSIGN_SESSION_IDLE_MINUTES", 60)? {
            // Whether a session is used is known to a quarter of an hour.
            minutes @ 20.. => minutes.saturating_mul(60),
            minutes => {
                return Err(ConfigError::Invalid {
                    name: "COUNTERSIGN_SESSION_IDLE_MINUTES",
                    expected: "20 minutes or more",
                    got: minutes.to_string(),
                });
            }
        };
        let public_url = set("COUNTERSIGN_PUBLIC_URL").unwrap_or_default();
        let oidc = match set("COUNTERSIGN_OIDC_ISSUER") {
            None => None,
            Some(issuer) => Some(Settings {
                issuer,
                client_id: required("COUNTERSIGN_OIDC_CLIENT_ID")?,
                client_secret: set("COUNTERSIGN_OIDC_CLIENT_SECRET"),
                audience: set("COUNTERSIGN_OIDC_AUDIENCE"),
                groups_claim: set("COUNTERSIGN_OIDC_GROUPS_CLAIM").unwrap_or_else(|| "groups".to_owned()),
                admin_group: set("COUNTERSIGN_OIDC_ADMIN_GROUP"),
                auditor_group: set("COUNTERSIGN_OIDC_AUDITOR_GROUP"),
                scopes: set("COUNTERSIGN_OIDC_SCOPES").unwrap_or_else(|| "openid email profile".to_owned()),
            }),
        };
        Ok(Self {
            table: required("COUNTERSIGN_TABLE")?,
            public_url: public_url.trim_end_matches('/').to_owned(),
            epoch: number("COUNTERSIGN_EPOCH", 1)?,
            review_timeout_sec: number("REVIEW_TIMEOUT_SEC", 3600)?,
            open_requests_per_person: number("COUNTERSIGN_OPEN_REQUESTS_PER_PERSON", 100)?,
            max_wait_seconds: number("COUNTERSIGN_MAX_WAIT_SECONDS", 20)?.min(25),
            lease_margin_sec: number("COUNTERSIGN_LEASE_MARGIN_SEC", 60)?,
            sqlite_root: set("COUNTERSIGN_SQLITE_ROOT").map(PathBuf::from),
            secret_prefix: set("COUNTERSIGN_SECRET_PREFIX").unwrap_or_else(|| "countersign/".to_owned()),
            calls_per_second: NonZeroU32::new(number("COUNTERSIGN_CALLS_PER_SECOND", 0)?),
            admin_four_eyes: match set("COUNTERSIGN_ADMIN_FOUR_EYES").as_deref() {
                None | Some("off") => false,
                Some("on") => true,
                Some(got) => {
                    return Err(ConfigError::Invalid {
                        name: "COUNTERSIGN_ADMIN_FOUR_EYES",
                        expected: "`on` or `off`",
                        got: got.to_owned(),
                    });
                }
            },
            audit_key: set("COUNTERSIGN_AUDIT_KEY"),
            audit_bucket: set("COUNTERSIGN_AUDIT_BUCKET"),
            oidc,
            execute_function: set("COUNTERSIGN_EXECUTE_FUNCTION"),
            deliver_function: set("COUNTERSIGN_DELIVER_FUNCTION"),
            retries: retries.giving_up_after(number("COUNTERSIGN_GIVE_UP_AFTER_SEC", 432_000)?),
            delivery_timeout_sec: number("COUNTERSIGN_DELIVERY_TIMEOUT_SEC", 15)?,
            notify_grace_sec: number("COUNTERSIGN_NOTIFY_GRACE_SEC", 60)?,
            loopback_webhooks: false,
            timer,
            session_idle_seconds,
        })
    }

    /// Whether browsers reach the service over TLS, as they must wherever it is not on their own machine.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        let host = self.public_url.strip_prefix("http://").unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        !here
    }

    /// The name of the cookie of a session. The prefix has browsers take it from this very host, over TLS
    /// and for all paths only; on `http://127.0.0.1` they would not take it at all.
    #[must_use]
    pub fn session_cookie(&self) -> &'static str {
        if self.is_secure() { "__Host-countersign" } else { "countersign" }
    }

    /// For how long an attempt that is under way, or about to begin, keeps others from attempting the same
    /// delivery: the time-out of one, and some room.
    #[must_use]
    pub fn hold_seconds(&self) -> u32 {
        self.delivery_timeout_sec.saturating_add(5)
    }

    /// Reads the configuration out of the process's environment.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn from_environment() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var(name).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(&|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert_eq!(read(&[]), Err(ConfigError::Missing("COUNTERSIGN_TABLE")));
        let wrong = read(&[("COUNTERSIGN_TABLE", "t"), ("REVIEW_TIMEOUT_SEC", "1h")]);
        assert!(
            wrong.is_err_and(|error| error
                .to_string()
                .contains("`REVIEW_TIMEOUT_SEC` must be a whole number"))
        );
        let group = read(&[("COUNTERSIGN_TABLE", "t"), ("COUNTERSIGN_SCHEDULE_GROUP", "g")]);
        assert_eq!(group, Err(ConfigError::Missing("COUNTERSIGN_EXPIRE_ARN")));
    }

    #[test]
    fn whether_a_second_admin_is_needed_is_said_in_one_of_two_words() {
        let four_eyes = |value| {
            read(&[("COUNTERSIGN_TABLE", "t"), ("COUNTERSIGN_ADMIN_FOUR_EYES", value)])
                .map(|config| config.admin_four_eyes)
        };
        assert_eq!((four_eyes(""), four_eyes("off"), four_eyes("on")), (Ok(false), Ok(false), Ok(true)));
        // Whoever writes `true` must not believe that it is on.
        assert!(four_eyes("true").is_err());
    }

    #[test]
    fn a_session_goes_on_for_longer_than_it_takes_to_know_that_it_is_used() {
        let idle = |value| {
            let read = read(&[("COUNTERSIGN_TABLE", "t"), ("COUNTERSIGN_SESSION_IDLE_MINUTES", value)]);
            read.map(|config| config.session_idle_seconds)
        };
        assert_eq!((idle(""), idle("20")), (Ok(3600), Ok(1200)));
        assert!(idle("19").is_err_and(|error| error.to_string().contains("20 minutes or more")));
    }

    #[test]
    fn only_on_this_machine_may_a_session_travel_in_the_clear() {
        let name = |url| {
            read(&[("COUNTERSIGN_TABLE", "t"), ("COUNTERSIGN_PUBLIC_URL", url)]).unwrap().session_cookie()
        };
        for here in ["http://127.0.0.1:8700", "http://localhost:8700/", "http://[::1]:8700"] {
            assert_eq!(name(here), "countersign", "{here}");
        }
        for there in ["https://c.example", "http://c.example", "http://127.0.0.1.example", ""] {
            assert_eq!(name(there), "__Host-countersign", "{there}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_design() {
        let config =
            read(&[("COUNTERSIGN_TABLE", "t"), ("COUNTERSIGN_PUBLIC_URL", "https://c.example/")]).unwrap();
        assert_eq!((config.review_timeout_sec, config.max_wait_seconds, config.epoch), (3600, 20, 1));
        assert_eq!(config.open_requests_per_person, 100);
        assert_eq!(config.public_url, "https://c.example");
    }
}
