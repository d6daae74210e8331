//! References to secrets (`env:NAME`, `file:PATH`, `secretsmanager:ARN`, `ssm:NAME`) and what stands
//! behind them.

use crate::TargetError;
use async_trait::async_trait;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;

/// The longest reference, and the longest secret in a file, in bytes.
const MAX_REFERENCE_BYTES: usize = 512;
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// A secret value. It has no `Serialize`, and `Debug` and `Display` print `[secret]`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the client library only: never into a message, log or record.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Whether `file:` references are allowed: on the local platform yes, in a function no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSecrets {
    /// `file:/absolute/path` may be saved and resolved.
    Allowed,
    /// `file:` is refused.
    Refused,
}

/// A validated reference. It is not secret: it is stored, shown, and part of what is approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable of the executing process.
    Env(String),
    /// A file of the executing machine, by its absolute path.
    File(PathBuf),
    /// A secret of AWS Secrets Manager, by its ARN.
    SecretsManager(String),
    /// A parameter of AWS Systems Manager, by its name; begins with `/`.
    Ssm(String),
}

impl SecretRef {
    /// Parses and validates a reference when a connection is saved.
    ///
    /// # Errors
    /// [`TargetError::SecretReference`] for an unknown scheme, a name that is not
    /// `[A-Za-z_][A-Za-z0-9_]*`, a name of the platform's own (`AWS_*`, `LAMBDA_*`, `_*`,
    /// `COUNTERSIGN_*`, in any case), and a file where files are refused.
    pub fn parse(text: &str, files: FileSecrets) -> Result<Self, TargetError> {
        let refuse = |message: &str| Err(TargetError::SecretReference(message.to_owned()));
        if text.len() > MAX_REFERENCE_BYTES {
            return refuse("longer than 512 bytes");
        }
        // A URL pasted in the reference's place is a secret: no message repeats the text.
        let Some((scheme, rest)) = text.split_once(':') else {
            return refuse(
                "expected `env:NAME`, the name of an environment variable of the executor, not the secret itself",
            );
        };
        match (scheme, files) {
            ("env", _) => Ok(Self::Env(environment_name(rest)?)),
            ("file", FileSecrets::Allowed) => Ok(Self::File(file_path(rest)?)),
            ("file", FileSecrets::Refused) => {
                refuse("`file:` works on the local platform only; use `env:NAME` here")
            }
            ("secretsmanager", _) if is_secret_arn(rest) => Ok(Self::SecretsManager(rest.to_owned())),
            ("secretsmanager", _) => refuse(
                "after `secretsmanager:` comes the secret's ARN, `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME`",
            ),
            ("ssm", _) if is_parameter_name(rest) => Ok(Self::Ssm(rest.to_owned())),
            ("ssm", _) => {
                refuse("after `ssm:` comes the parameter's name, for example `ssm:/countersign/prod-db`")
            }
            _ => refuse(
                "unknown scheme; expected `env:NAME`, `secretsmanager:ARN`, `ssm:NAME` or, on one machine, `file:PATH`, not the secret itself",
            ),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::SecretsManager(arn) => write!(f, "secretsmanager:{arn}"),
            Self::Ssm(name) => write!(f, "ssm:{name}"),
        }
    }
}

/// `arn:aws:secretsmanager:eu-central-1:123456789012:secret:countersign/prod-db-AbCdEf`
fn is_secret_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match parts.as_slice() {
        ["arn", partition, "secretsmanager", region, account, "secret", name] => {
            plain(partition)
                && plain(region)
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte))
        }
        _ => false,
    }
}

/// `/countersign/prod-db`
fn is_parameter_name(text: &str) -> bool {
    text.len() > 1
        && text.starts_with('/')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_.-".contains(&byte))
}

fn environment_name(name: &str) -> Result<String, TargetError> {
    let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !well_formed {
        return Err(TargetError::SecretReference(
            "after `env:` comes the name of a variable: letters, digits and `_`, not first a digit"
                .to_owned(),
        ));
    }
    let upper = name.to_ascii_uppercase();
    if let Some(prefix) =
        ["AWS_", "LAMBDA_", "_", "COUNTERSIGN_"].iter().find(|prefix| upper.starts_with(**prefix))
    {
        return Err(TargetError::SecretReference(format!(
            "`env:{name}` is refused: names that begin with `{prefix}` belong to the platform; use another name"
        )));
    }
    Ok(name.to_owned())
}

fn file_path(path: &str) -> Result<PathBuf, TargetError> {
    let parsed = PathBuf::from(path);
    if !parsed.is_absolute() || path.contains('\0') {
        return Err(TargetError::SecretReference(
            "after `file:` comes an absolute path, for example `file:/run/secrets/prod-db`".to_owned(),
        ));
    }
    Ok(parsed)
}

/// Where secrets are that this process does not hold itself.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// Fetches the secret behind a reference of the store's kinds.
    ///
    /// # Errors
    /// [`TargetError::SecretUnavailable`]; the message names the reference, never a value.
    async fn fetch(&self, reference: &SecretRef) -> Result<Secret, TargetError>;
}

/// Fetches the secret behind any reference: from `store`, if this process does not hold it itself.
///
/// # Errors
/// As [`resolve_secret`] and [`SecretStore::fetch`].
pub async fn fetch_secret(
    reference: &SecretRef,
    environment: &(dyn Fn(&str) -> Option<String> + Send + Sync),
    store: Option<&dyn SecretStore>,
) -> Result<Secret, TargetError> {
    match (reference, store) {
        (SecretRef::SecretsManager(_) | SecretRef::Ssm(_), Some(store)) => store.fetch(reference).await,
        _ => resolve_secret(reference, environment),
    }
}

/// Fetches the secret behind a reference that this process holds, at execution and never earlier.
///
/// `environment` looks a variable up (`&|name| std::env::var(name).ok()` in a program). A file is
/// read whole (at most 64 KiB, UTF-8); one line end at its end is dropped.
///
/// # Errors
/// [`TargetError::SecretUnavailable`] if the variable is unset or empty or the file cannot be read;
/// the message names the reference, never a value.
pub fn resolve_secret(
    reference: &SecretRef,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Secret, TargetError> {
    let value = match reference {
        SecretRef::Env(name) => environment(name).ok_or_else(|| {
            TargetError::SecretUnavailable(format!(
                "the executor's environment has no variable `{name}`; set it and restart the executor"
            ))
        })?,
        SecretRef::File(path) => read_file(path).map_err(|reason| {
            TargetError::SecretUnavailable(format!("`{reference}` cannot be read: {reason}"))
        })?,
        SecretRef::SecretsManager(_) | SecretRef::Ssm(_) => {
            return Err(TargetError::SecretUnavailable(format!(
                "`{reference}` is kept by AWS, and this executor has no credentials for AWS; use `env:NAME`"
            )));
        }
    };
    if value.is_empty() {
        return Err(TargetError::SecretUnavailable(format!("`{reference}` is empty")));
    }
    Ok(Secret(value))
}

fn read_file(path: &PathBuf) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.kind().to_string())?;
    let mut text = String::new();
    file.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text).map_err(|error| error.kind().to_string())?;
    if text.len() as u64 > MAX_SECRET_BYTES {
        return Err("longer than 64 KiB".to_owned());
    }
    let trimmed =
        text.strip_suffix('\n').map_or(text.as_str(), |rest| rest.strip_suffix('\r').unwrap_or(rest));
    Ok(trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SecretRef, TargetError> {
        SecretRef::parse(text, FileSecrets::Refused)
    }

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {secret} {:?}", Some(&secret)), "[secret] [secret] Some([secret])");
    }

    #[test]
    fn a_name_of_the_platform_is_refused_in_any_case() {
        for name in [
            "AWS_SECRET_ACCESS_KEY",
            "aws_region",
            "LAMBDA_TASK_ROOT",
            "_HANDLER",
            "COUNTERSIGN_TOKEN",
            "Countersign_x",
        ] {
            let error = parse(&format!("env:{name}")).unwrap_err().to_string();
            assert!(error.contains("belong to the platform"), "{name}: {error}");
        }
    }

    #[test]
    fn a_name_that_is_no_variable_is_refused() {
        for name in ["", "1A", "A B", "A-B", "A\n", "Ä", "A=B", "A/../B"] {
            assert!(parse(&format!("env:{name}")).is_err(), "{name:?} was accepted");
        }
    }

    #[test]
    fn a_url_in_the_place_of_a_reference_is_not_repeated_in_the_error() {
        for url in ["postgres://ann:hunter2@db/prod", "env:postgres://ann:hunter2@db/prod", "hunter2"] {
            assert!(!parse(url).unwrap_err().to_string().contains("hunter2"));
        }
    }

    #[test]
    fn references_to_aws_are_whole_names() {
        let arn =
            "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:countersign/prod-AbCdEf";
        for text in [arn, "ssm:/countersign/prod-db"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        for text in [
            "secretsmanager:",
            "secretsmanager:countersign/prod",
            "secretsmanager:arn:aws:ssm:eu-central-1:123456789012:secret:x",
            "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:x:y",
            "secretsmanager:arn:aws:secretsmanager:eu-central-1:1:secret:x",
            "ssm:",
            "ssm:/",
            "ssm:prod",
            "ssm:/a b",
            "ssm:/a:3",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let without_store = resolve_secret(&parse("ssm:/countersign/x").unwrap(), &|_| None).unwrap_err();
        assert!(without_store.to_string().contains("no credentials for AWS"));
        assert!(parse("file:/x").unwrap_err().to_string().contains("local platform only"));
    }

    #[test]
    fn a_variable_is_looked_up_when_it_is_resolved() {
        let reference = parse("env:PROD_DB_URL").unwrap();
        assert_eq!(reference.to_string(), "env:PROD_DB_URL");
        let found = resolve_secret(&reference, &|name| (name == "PROD_DB_URL").then(|| "value".to_owned()));
        assert_eq!(found.unwrap().expose(), "value");
        let missing = resolve_secret(&reference, &|_| None).unwrap_err();
        assert!(missing.to_string().contains("no variable `PROD_DB_URL`"));
        assert!(resolve_secret(&reference, &|_| Some(String::new())).is_err());
    }

    #[test]
    fn a_file_is_read_without_its_last_line_end_where_files_are_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        std::fs::write(&path, "postgres://x\r\n").unwrap();
        let text = format!("file:{}", path.display());
        let reference = SecretRef::parse(&text, FileSecrets::Allowed).unwrap();
        assert_eq!(resolve_secret(&reference, &|_| None).unwrap().expose(), "postgres://x");
        assert!(SecretRef::parse("file:relative", FileSecrets::Allowed).is_err());
    }
}
