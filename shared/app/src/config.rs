//! The environment, read once at the start.

use std::path::PathBuf;

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
    /// `COUNTERSIGN_AUDIT_KEY`: the reference to the key that signs checkpoints.
    pub audit_key: Option<String>,
    /// `COUNTERSIGN_AUDIT_BUCKET`: the bucket that checkpoints are copied to.
    pub audit_bucket: Option<String>,
    /// `COUNTERSIGN_EXECUTE_FUNCTION`: the function that runs commands.
    pub execute_function: Option<String>,
    /// `COUNTERSIGN_SCHEDULE_GROUP`, `COUNTERSIGN_EXPIRE_ARN`, `COUNTERSIGN_SCHEDULER_ROLE_ARN`,
    /// `COUNTERSIGN_DEAD_LETTER_ARN`: how timers are set.
    pub timer: Option<TimerConfig>,
}

/// A variable that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Missing.
    #[error("the environment variable `{0}` is missing")]
    Missing(&'static str),
    /// Not what it should be.
    #[error("the environment variable `{name}` must be {expected}, got `{got}`")]
    Invalid {
        /// Which.
        name: &'static str,
        /// What is expected.
        expected: &'static str,
        /// What came.
        got: String,
    },
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
        let public_url = set("COUNTERSIGN_PUBLIC_URL").unwrap_or_default();
        Ok(Self {
            table: required("COUNTERSIGN_TABLE")?,
            public_url: public_url.trim_end_matches('/').to_owned(),
            epoch: number("COUNTERSIGN_EPOCH", 1)?,
            review_timeout_sec: number("REVIEW_TIMEOUT_SEC", 3600)?,
            max_wait_seconds: number("COUNTERSIGN_MAX_WAIT_SECONDS", 20)?.min(25),
            lease_margin_sec: number("COUNTERSIGN_LEASE_MARGIN_SEC", 60)?,
            sqlite_root: set("COUNTERSIGN_SQLITE_ROOT").map(PathBuf::from),
            secret_prefix: set("COUNTERSIGN_SECRET_PREFIX").unwrap_or_else(|| "countersign/".to_owned()),
            audit_key: set("COUNTERSIGN_AUDIT_KEY"),
            audit_bucket: set("COUNTERSIGN_AUDIT_BUCKET"),
            execute_function: set("COUNTERSIGN_EXECUTE_FUNCTION"),
            timer,
        })
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
    fn the_defaults_are_those_of_the_design() {
        let config =
            read(&[("COUNTERSIGN_TABLE", "t"), ("COUNTERSIGN_PUBLIC_URL", "https://c.example/")]).unwrap();
        assert_eq!((config.review_timeout_sec, config.max_wait_seconds, config.epoch), (3600, 20, 1));
        assert_eq!(config.public_url, "https://c.example");
    }
}
