//! The URL of a PostgreSQL server, which is the connection's secret.
//!
//! `sslmode` is read here and not by the client library, whose default falls back to plain text.
//! No message quotes any part of the URL: in a URL that is written wrongly, any part may be the password.

use super::key::Connector;
use super::tls::connector;
use crate::message::Scrub;
use crate::spec::PostgresSpec;
use crate::tls::Encryption;
use crate::{RunError, Secret};
use std::net::IpAddr;
use std::time::Duration;
use tokio_postgres::config::{Config, Host, SslMode, SslNegotiation};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Time for one address of the server to accept the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything needed to connect.
pub(super) struct Address {
    pub(super) config: Config,
    tls: MakeRustlsConnect,
    encryption: Encryption,
    pub(super) scrub: Scrub,
}

impl Address {
    pub(super) fn is_encrypted(&self) -> bool {
        self.encryption == Encryption::Verified
    }

    /// A connector for one session.
    pub(super) fn connector(&self) -> Connector {
        Connector::new(self.is_encrypted().then(|| self.tls.clone()))
    }
}

pub(super) fn parse(secret: &Secret, spec: &PostgresSpec) -> Result<Address, RunError> {
    let url = secret.expose().trim();
    let parts = Parts::split(url).ok_or_else(|| wrong("it does not begin with `postgres://`"))?;
    if parts.host_has_at {
        return Err(wrong("a `@` in the password must be written `%40`"));
    }
    let (mode, plain_url) = parts.without_sslmode();
    let mut config: Config =
        plain_url.parse().map_err(|_| wrong("it is malformed, or has a parameter that is not supported"))?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(wrong("it names no host"));
    }
    let encryption = encryption(mode.as_deref(), &config)?;
    match encryption {
        Encryption::Verified => config.ssl_mode(SslMode::Require),
        // The connector is to be asked all the same, because it reads along; it then encrypts nothing.
        Encryption::None if names_hosts(&config) => {
            config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct)
        }
        Encryption::None => config.ssl_mode(SslMode::Disable),
    };
    config.application_name(&spec.application_name).connect_timeout(CONNECT_TIMEOUT);
    let password = config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let words = [Some(url.to_owned()), Some(plain_url), password, parts.raw_password.map(str::to_owned)];
    Ok(Address {
        tls: connector(encryption, spec.ca_pem.as_deref())?,
        encryption,
        scrub: Scrub::new(words.into_iter().flatten()),
        config,
    })
}

fn wrong(reason: &str) -> RunError {
    RunError::not_started(format!(
        "the secret is not a usable PostgreSQL URL: {reason}; expected `postgres://user:password@host:port/database`"
    ))
}

/// The URL cut where the client library cuts it.
struct Parts<'a> {
    /// Up to the `?`.
    base: &'a str,
    parameters: Vec<&'a str>,
    raw_password: Option<&'a str>,
    host_has_at: bool,
}

impl<'a> Parts<'a> {
    fn split(url: &'a str) -> Option<Self> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
        let (credentials, place) = rest.split_once('@').map_or((None, rest), |(c, p)| (Some(c), p));
        let query = place.split_once('?').map(|(_, query)| query);
        let base = query.and_then(|query| url.strip_suffix(query)?.strip_suffix('?')).unwrap_or(url);
        Some(Self {
            base,
            parameters: query.map(|query| query.split('&').collect()).unwrap_or_default(),
            raw_password: credentials.and_then(|c| c.split_once(':')).map(|(_, password)| password),
            host_has_at: place.split(['/', '?']).next().is_some_and(|host| host.contains('@')),
        })
    }

    /// The last `sslmode`, and the URL without any.
    fn without_sslmode(&self) -> (Option<String>, String) {
        let mode = self.parameters.iter().rev().find_map(|p| p.strip_prefix("sslmode=")).map(str::to_owned);
        let others: Vec<&str> =
            self.parameters.iter().copied().filter(|p| !p.starts_with("sslmode=")).collect();
        let url = if others.is_empty() {
            self.base.to_owned()
        } else {
            format!("{}?{}", self.base, others.join("&"))
        };
        (mode, url)
    }
}

/// TLS is on unless the URL switches it off or every host is this machine.
fn encryption(mode: Option<&str>, config: &Config) -> Result<Encryption, RunError> {
    match mode {
        None if is_local(config) => Ok(Encryption::None),
        // All of these verify here, certificate and host name.
        None | Some("require" | "verify-ca" | "verify-full") => Ok(Encryption::Verified),
        Some("disable") => Ok(Encryption::None),
        Some("prefer" | "allow") => {
            Err(wrong("its `sslmode` would fall back to plain text in silence; use `require` or `disable`"))
        }
        Some(_) => Err(wrong("its `sslmode` is unknown; use `require` or `disable`")),
    }
}

/// True if every host has a name or an address to connect to, which the client library wants for a connector.
fn names_hosts(config: &Config) -> bool {
    !config.get_hosts().is_empty() && config.get_hosts().iter().all(|host| matches!(host, Host::Tcp(_)))
}

fn is_local(config: &Config) -> bool {
    let host_is_local = |host: &Host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        Host::Unix(_) => true,
    };
    // An address given beside a name is where the connection goes.
    config.get_hosts().iter().all(host_is_local) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Caps;

    fn spec() -> PostgresSpec {
        PostgresSpec { application_name: "countersign".into(), ca_pem: None, caps: Caps::default() }
    }

    fn is_encrypted(url: &str) -> bool {
        parse(&Secret::new(url), &spec()).map(|address| address.is_encrypted()).unwrap()
    }

    fn refused(url: &str) -> String {
        parse(&Secret::new(url), &spec()).err().unwrap().to_string()
    }

    #[test]
    fn a_host_elsewhere_is_reached_by_tls_unless_the_url_says_no() {
        for url in [
            "postgres://u:p@db.example.com/x",
            "postgres://u:p@10.0.0.1/x",
            "postgres://u:p@localhost,db.example.com/x",
            "postgres://u:p@localhost/x?hostaddr=10.0.0.1",
            "postgres://u:p@localhost/x?sslmode=require",
            "postgres://u:p@db/x?sslmode=verify-full&application_name=y",
        ] {
            assert!(is_encrypted(url), "{url}");
        }
        for url in [
            "postgres://u:p@localhost:5432/x",
            "postgresql://u@127.0.0.1/x",
            "postgres://u@[::1]:5432/x",
            "postgres://u@%2Fvar%2Frun%2Fpostgresql/x",
            "postgres://u:p@db/x?connect_timeout=3&sslmode=disable",
        ] {
            assert!(!is_encrypted(url), "{url}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_being_quoted() {
        for (url, reason) in [
            ("mysql://u:hunter2@h/x", "does not begin"),
            ("host=h password=hunter2", "does not begin"),
            ("postgres://u:hunter2@h/x?sslmode=prefer", "fall back"),
            ("postgres://u:hunter2@h/x?sslmode=hunter2", "unknown"),
            ("postgres://u:a@hunter2@h/x", "%40"),
            ("postgres://u:hunter2@h:port/x", "malformed"),
            ("postgres://u:x@h/x?hunter2=1", "malformed"),
            ("postgres://u:hunter2@/x", "no host"),
        ] {
            let message = refused(url);
            assert!(message.contains(reason), "{url}: {message}");
            assert!(!message.contains("hunter2"), "{url}: {message}");
        }
    }

    #[test]
    fn the_settings_of_the_connection_win_over_the_url() {
        let address =
            parse(&Secret::new("postgres://u:p%40w@localhost/x?application_name=y"), &spec()).unwrap();
        assert_eq!(address.config.get_application_name(), Some("countersign"));
        assert_eq!(address.scrub.clean("p@w p%40w"), "[secret] [secret]");
    }
}
