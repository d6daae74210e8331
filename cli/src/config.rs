//! Which service, and as whom: options, then the environment, then a demo's file.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde_json::Value;

use crate::cli::Global;
use crate::error::CliError;

const DEFAULT_URL: &str = "http://127.0.0.1:8700";

/// The service and the caller. Without `Debug`: the token is a secret.
pub(crate) struct Config {
    /// The service's address.
    pub(crate) url: Url,
    /// The caller's token, if there is one.
    pub(crate) credential: Option<Credential>,
}

/// A token and its origin. Without `Debug`: the token is a secret.
pub(crate) struct Credential {
    /// The token.
    pub(crate) token: String,
    /// Where it was found.
    pub(crate) source: CredentialSource,
}

/// Where a token was found.
pub(crate) enum CredentialSource {
    /// `--token`.
    Option,
    /// `COUNTERSIGN_TOKEN`.
    Environment,
    /// `--as`: a user of a demo.
    Demo {
        /// The user's name.
        user: String,
        /// The demo's file.
        path: PathBuf,
    },
    /// `countersign login`.
    Profile {
        /// The profile's file.
        path: PathBuf,
        /// When the token expires, RFC 3339; `None` in profiles written by older versions.
        expires_at: Option<String>,
    },
}

impl Config {
    /// Joins options, environment and, with `--as`, a demo's file.
    ///
    /// # Errors
    /// [`CliError::Usage`] that says which of them is wrong.
    pub(crate) fn resolve(global: &Global) -> Result<Self, CliError> {
        let from_env = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let mut url = global.url.clone();
        let credential = match (&global.as_user, &global.token) {
            (Some(name), _) => {
                let demo = Demo::find(global.demo_file.as_deref())?;
                url = url.or_else(|| demo.url());
                Some(demo.credential(name)?)
            }
            (None, Some(token)) => {
                Some(Credential { token: token.clone(), source: CredentialSource::Option })
            }
            (None, None) => from_env("COUNTERSIGN_TOKEN")
                .map(|token| Credential { token, source: CredentialSource::Environment }),
        };
        let mut url = url.or_else(|| from_env("COUNTERSIGN_URL"));
        // A sign-in counts for the service that it was made at, and where nothing else was said.
        let profile = if credential.is_none() { Profile::load() } else { None };
        let profile =
            profile.filter(|profile| url.as_ref().is_none_or(|url| same_service(url, &profile.url)));
        url = url.or_else(|| profile.as_ref().map(|profile| profile.url.clone()));
        let credential = credential.or_else(|| profile?.into_credential());
        let text = url.unwrap_or_else(|| DEFAULT_URL.to_owned());
        let url = Url::parse(text.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(mut url) = url else {
            return Err(CliError::Usage(format!(
                "`{text}` is not the address of a service: expected something like `{DEFAULT_URL}`"
            )));
        };
        url.set_query(None);
        url.set_fragment(None);
        let credential = credential.map(|found| Credential { token: found.token.trim().to_owned(), ..found });
        Ok(Self { url, credential })
    }

    /// Whether the service is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self.url.host_str() {
            Some("localhost") => true,
            Some(host) => host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback()),
            None => false,
        }
    }

    /// Whether the token would travel where others can read it.
    pub(crate) fn exposes_token(&self) -> bool {
        self.credential.is_some() && self.url.scheme() == "http" && !self.is_local()
    }
}

fn same_service(one: &str, other: &str) -> bool {
    one.trim().trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
}

/// What `countersign login` keeps. Without `Debug`: the token is a secret.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Profile {
    /// The service.
    pub(crate) url: String,
    /// The token.
    pub(crate) token: String,
    /// When the token expires, RFC 3339.
    #[serde(default)]
    pub(crate) expires_at: Option<String>,
}

impl Profile {
    fn path() -> Option<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
        Some(base.join("countersign").join("profile.json"))
    }

    /// What is kept, if anything that can be read is.
    pub(crate) fn load() -> Option<Self> {
        serde_json::from_slice(&std::fs::read(Self::path()?).ok()?).ok()
    }

    /// Its token, as a credential.
    pub(crate) fn into_credential(self) -> Option<Credential> {
        let source = CredentialSource::Profile { path: Self::path()?, expires_at: self.expires_at };
        Some(Credential { token: self.token, source })
    }

    /// Keeps it, for nobody else on this machine to read.
    ///
    /// # Errors
    /// [`CliError::Stopped`] if it cannot be written.
    pub(crate) fn save(&self) -> Result<PathBuf, CliError> {
        let path = Self::path().ok_or_else(|| {
            CliError::Stopped("there is no place to keep the sign-in: HOME is not set".to_owned())
        })?;
        let write = || -> std::io::Result<()> {
            let folder = path.parent().unwrap_or(&path);
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            // A new file in place of the old one: whatever rights that had.
            let fresh = path.with_extension("new");
            let _ = std::fs::remove_file(&fresh);
            let mut file =
                std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_all()?;
            std::fs::rename(&fresh, &path)
        };
        write()
            .map_err(|error| CliError::Stopped(format!("`{}` cannot be written: {error}", path.display())))?;
        Ok(path)
    }

    /// Keeps it no longer.
    ///
    /// # Errors
    /// [`CliError::Stopped`] if it cannot be removed.
    pub(crate) fn remove() -> Result<(), CliError> {
        let Some(path) = Self::path() else { return Ok(()) };
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(CliError::Stopped(format!("`{}` cannot be removed: {error}", path.display())))
            }
            _ => Ok(()),
        }
    }
}

/// The `demo.json` that `countersign serve --demo` writes.
struct Demo {
    path: PathBuf,
    content: Value,
}

impl Demo {
    fn find(given: Option<&Path>) -> Result<Self, CliError> {
        let candidates = match given {
            Some(path) => vec![path.to_owned()],
            None => std::env::var_os("COUNTERSIGN_DATA")
                .map(PathBuf::from)
                .into_iter()
                .chain([PathBuf::from("countersign-demo"), PathBuf::from("countersign-data")])
                .map(|folder| folder.join("demo.json"))
                .collect(),
        };
        for path in &candidates {
            match std::fs::read(path) {
                Ok(bytes) => {
                    let content = serde_json::from_slice(&bytes).map_err(|error| {
                        CliError::Usage(format!("`{}` is not a demo's file: {error}", path.display()))
                    })?;
                    return Ok(Self { path: path.clone(), content });
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && given.is_none() => {}
                Err(error) => {
                    return Err(CliError::Usage(format!("cannot read `{}`: {error}", path.display())));
                }
            }
        }
        Err(CliError::Usage(
            "--as works with a demo's file, and there is none at `countersign-demo/demo.json` or \
             `countersign-data/demo.json`: start `countersign serve --demo`, run this in the same folder, \
             or say where the file is with --demo-file"
                .to_owned(),
        ))
    }

    fn url(&self) -> Option<String> {
        self.content.get("url").and_then(Value::as_str).map(str::to_owned)
    }

    fn credential(&self, name: &str) -> Result<Credential, CliError> {
        let users = self.content.get("users").and_then(Value::as_object);
        let token = users.and_then(|users| users.get(name)?.get("token")?.as_str());
        let source = || CredentialSource::Demo { user: name.to_owned(), path: self.path.clone() };
        token.map(|token| Credential { token: token.to_owned(), source: source() }).ok_or_else(|| {
            let known: Vec<&str> =
                users.into_iter().flat_map(|users| users.keys().map(String::as_str)).collect();
            CliError::Usage(format!(
                "`{name}` is no user of the demo in `{}`: expected one of {}",
                self.path.display(),
                known.join(", ")
            ))
        })
    }
}
