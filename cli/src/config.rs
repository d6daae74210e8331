//! Which service, and as whom: options, then the environment, then a demo's file.

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
    /// The caller's token.
    pub(crate) token: Option<String>,
}

impl Config {
    /// Joins options, environment and, with `--as`, a demo's file.
    ///
    /// # Errors
    /// [`CliError::Usage`] that says which of them is wrong.
    pub(crate) fn resolve(global: &Global) -> Result<Self, CliError> {
        let from_env = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let mut url = global.url.clone();
        let token = match &global.as_user {
            Some(name) => {
                let demo = Demo::find(global.demo_file.as_deref())?;
                url = url.or_else(|| demo.url());
                Some(demo.token(name)?)
            }
            None => global.token.clone().or_else(|| from_env("COUNTERSIGN_TOKEN")),
        };
        let text = url.or_else(|| from_env("COUNTERSIGN_URL")).unwrap_or_else(|| DEFAULT_URL.to_owned());
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
        Ok(Self { url, token: token.map(|token| token.trim().to_owned()) })
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
        self.token.is_some() && self.url.scheme() == "http" && !self.is_local()
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

    fn token(&self, name: &str) -> Result<String, CliError> {
        let users = self.content.get("users").and_then(Value::as_object);
        let token = users.and_then(|users| users.get(name)?.get("token")?.as_str());
        token.map(str::to_owned).ok_or_else(|| {
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
