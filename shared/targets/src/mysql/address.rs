//! The URL of a MySQL or MariaDB server, which is the connection's secret.
//!
//! The client library reads parameters of its own out of a URL, some of which weaken it; here they
//! are refused. No message quotes any part of the URL: any part of a wrong one may be the password.

use crate::message::Scrub;
use crate::spec::MysqlSpec;
use crate::tls::{Encryption, certificates_of};
use crate::{RunError, Secret};
use mysql_async::{Opts, OptsBuilder, SslOpts};
use std::net::IpAddr;

/// Everything needed to connect.
pub(super) struct Address {
    pub(super) options: Opts,
    pub(super) scrub: Scrub,
}

pub(super) fn parse(secret: &Secret, spec: &MysqlSpec) -> Result<Address, RunError> {
    let url = secret.expose().trim();
    let rest = url
        .strip_prefix("mysql://")
        .or_else(|| url.strip_prefix("mariadb://"))
        .ok_or_else(|| wrong("it does not begin with `mysql://`"))?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let raw_password = match place.rsplit_once('@') {
        Some((credentials, _)) if credentials.contains('@') => {
            return Err(wrong("a `@` in the password must be written `%40`"));
        }
        Some((credentials, _)) => credentials.split_once(':').map(|(_, password)| password.to_owned()),
        None => None,
    };
    let mode = mode(query)?;
    let parsed = Opts::from_url(&format!("mysql://{place}")).map_err(|_| wrong("it is malformed"))?;
    let host = parsed.ip_or_hostname().to_owned();
    if host.is_empty() {
        return Err(wrong("it names no host"));
    }
    let encryption = match mode {
        Some(encryption) => encryption,
        None if is_local(&host) => Encryption::None,
        None => Encryption::Verified,
    };
    let words = [Some(url.to_owned()), raw_password, parsed.pass().map(str::to_owned)];
    let scrub = Scrub::new(words.into_iter().flatten());
    let ssl = match encryption {
        Encryption::None => None,
        Encryption::Verified => {
            let roots = certificates_of(spec.ca_pem.as_deref())?.into_iter().map(Into::into).collect();
            Some(SslOpts::default().with_disable_built_in_roots(true).with_root_certs(roots))
        }
    };
    let options = OptsBuilder::from_opts(parsed)
        .ssl_opts(ssl)
        // It would leave the place that the URL names for a file that the server names.
        .prefer_socket(false)
        .stmt_cache_size(0)
        // What is counted is what changed, as the approval says.
        .client_found_rows(false);
    Ok(Address { options: options.into(), scrub })
}

fn wrong(reason: &str) -> RunError {
    RunError::not_started(format!(
        "the secret is not a usable MySQL URL: {reason}; expected `mysql://user:password@host:port/database`"
    ))
}

fn mode(query: &str) -> Result<Option<Encryption>, RunError> {
    let mut mode = None;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !matches!(name, "ssl-mode" | "sslmode") {
            return Err(wrong("it has a parameter that is not supported (only `ssl-mode` is)"));
        }
        mode = match value.to_ascii_lowercase().as_str() {
            // All of these verify here, certificate and host name.
            "required" | "require" | "verify_ca" | "verify-ca" | "verify_identity" | "verify-full" => {
                Some(Encryption::Verified)
            }
            "disabled" | "disable" => Some(Encryption::None),
            "preferred" | "prefer" => {
                return Err(wrong(
                    "its `ssl-mode` would fall back to plain text in silence; use `required` or `disabled`",
                ));
            }
            _ => return Err(wrong("its `ssl-mode` is unknown; use `required` or `disabled`")),
        };
    }
    Ok(mode)
}

fn is_local(host: &str) -> bool {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    plain == "localhost" || plain.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Caps;

    fn parsed(url: &str) -> Result<Address, RunError> {
        parse(&Secret::new(url), &MysqlSpec { ca_pem: None, caps: Caps::default() })
    }

    #[test]
    fn a_host_elsewhere_is_reached_by_tls_unless_the_url_says_no() {
        for url in [
            "mysql://u:p@db.example.com/x",
            "mariadb://u:p@10.0.0.1:3307/x",
            "mysql://u:p@localhost/x?ssl-mode=REQUIRED",
            "mysql://u:p@db/x?ssl-mode=VERIFY_IDENTITY",
        ] {
            assert!(parsed(url).unwrap().options.ssl_opts().is_some(), "{url}");
        }
        for url in [
            "mysql://u:p@localhost/x",
            "mysql://u@127.0.0.1/x",
            "mysql://u@[::1]:3306/x",
            "mysql://u:p@db/x?ssl-mode=disabled",
        ] {
            assert!(parsed(url).unwrap().options.ssl_opts().is_none(), "{url}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_being_quoted() {
        for (url, reason) in [
            ("postgres://u:hunter2@h/x", "does not begin"),
            ("mysql://u:hunter2@h/x?ssl-mode=preferred", "fall back"),
            ("mysql://u:hunter2@h/x?ssl-mode=hunter2", "unknown"),
            ("mysql://u:hunter2@h/x?prefer_socket=true", "not supported"),
            ("mysql://u:hunter2@h/x?require_ssl=false", "not supported"),
            ("mysql://u:a@hunter2@h/x", "%40"),
            ("mysql://u:hunter2@h:port/x", "malformed"),
        ] {
            let message = parsed(url).err().unwrap().to_string();
            assert!(message.contains(reason), "{url}: {message}");
            assert!(!message.contains("hunter2"), "{url}: {message}");
        }
    }

    #[test]
    fn the_password_is_scrubbed_in_both_of_its_forms() {
        let address = parsed("mysql://u:p%40w@localhost/x").unwrap();
        assert_eq!(address.scrub.clean("p@w p%40w"), "[secret] [secret]");
    }
}
