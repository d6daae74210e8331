//! `login` and `logout`: a token through a browser on this machine.
//!
//! The program listens on loopback, the browser shows the service's own page, and whoever is signed in
//! there agrees. A code comes back that is good once and only with the verifier that never left this
//! process (RFC 8252, RFC 7636).

use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::done;
use crate::client::{Call, Client};
use crate::config::{Config, Profile};
use crate::error::CliError;
use crate::render::{Line, Tone, Ui, moment};

/// Somebody may have to find their second factor first.
const PATIENCE: Duration = Duration::from_secs(600);
/// A browser that has nothing to say is not waited for.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// More than a browser's request line and headers need.
const MOST_BYTES: usize = 16 * 1024;

/// Arguments of `login`.
#[derive(Args)]
pub(crate) struct LoginArgs {
    /// Print the address of the page and do not open a browser
    #[arg(long)]
    no_browser: bool,
}

/// What the service answers to a code.
#[derive(Deserialize)]
struct Exchanged {
    token: String,
    email: String,
    expires_at: String,
}

/// Signs in and keeps the token.
pub(crate) async fn login(config: &Config, ui: &Ui, args: &LoginArgs) -> Result<(), CliError> {
    let stopped = |what: String| CliError::Stopped(what);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await;
    let listener = listener.map_err(|error| stopped(format!("cannot listen on 127.0.0.1: {error}")))?;
    let port = listener.local_addr().map_err(|error| stopped(error.to_string()))?.port();
    let (state, verifier) = (secret()?, secret()?);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let mut page = below(&config.url, &["cli"]);
    page.query_pairs_mut()
        .append_pair("port", &port.to_string())
        .append_pair("state", &state)
        .append_pair("challenge", &challenge);
    ui.note(&[
        Line::new().text("Sign in on this page, in a browser on this machine:"),
        Line::new().text(page.to_string()),
    ]);
    if !args.no_browser {
        open(&page);
    }
    let code = tokio::time::timeout(PATIENCE, code(&listener, &state)).await;
    let code = code.map_err(|_| {
        stopped("nobody signed in within 10 minutes; run `countersign login` again".to_owned())
    })??;
    let got = exchange(config, &code, &verifier).await?;
    let profile =
        Profile { url: config.url.to_string(), token: got.token, expires_at: Some(got.expires_at.clone()) };
    let path = profile.save()?;
    done(
        ui,
        format!(
            "signed in as {} until {}; kept in {}",
            crate::render::safe::line(&got.email),
            moment::stamp(&got.expires_at),
            path.display()
        ),
    );
    Ok(())
}

/// Forgets the token, here and at the service.
pub(crate) async fn logout(config: &Config, ui: &Ui) -> Result<(), CliError> {
    let Some(profile) = Profile::load() else {
        ui.note(&[Line::of(Tone::Faint, "nobody was signed in")]);
        return Ok(());
    };
    // With the profile's own token, whatever else is set: it is that one which must go.
    let own = Config { url: config.url.clone(), credential: profile.into_credential() };
    let client = Client::new(&own)?;
    let tokens = crate::client::every_item(&client, &Call::get(&["tokens"])).await;
    for token in tokens.unwrap_or_default() {
        let text = |name: &str| token.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        if text("name") == "countersign login" {
            // Those of other machines end by themselves within hours; signing out means all of them.
            let _ = client.send(&Call::delete(&["tokens", text("id")], None)).await;
        }
    }
    Profile::remove()?;
    done(ui, "signed out");
    Ok(())
}

fn secret() -> Result<String, CliError> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| CliError::Stopped(format!("no randomness: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

fn open(page: &Url) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = std::process::Command::new(program);
    // Whether it worked is seen by whether somebody comes; the address stands on the screen.
    let _ =
        command.arg(page.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
}

/// The code that the browser brings. Whoever else connects is sent away.
async fn code(listener: &TcpListener, state: &str) -> Result<String, CliError> {
    loop {
        let accepted = listener.accept().await;
        let (mut stream, _) =
            accepted.map_err(|error| CliError::Stopped(format!("cannot listen: {error}")))?;
        let head = tokio::time::timeout(READ_WITHIN, read_head(&mut stream)).await.ok().flatten();
        let code = head.and_then(|head| code_in(&head, state));
        let (status, text) = match code {
            Some(_) => ("200 OK", "Signed in. You can close this and go back to the terminal."),
            None => ("404 Not Found", "This is not what the command line waits for."),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
             cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n{text}",
            text.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        if let Some(code) = code {
            return Ok(code);
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut chunk = [0u8; 2048];
    while head.len() < MOST_BYTES {
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(chunk.get(..read)?);
        if head.windows(4).any(|four| four == b"\r\n\r\n") {
            return String::from_utf8(head).ok();
        }
    }
    None
}

/// The code in a request whose state is ours.
fn code_in(head: &str, state: &str) -> Option<String> {
    let target = head.lines().next()?.strip_prefix("GET ")?.split(' ').next()?;
    let url = Url::parse("http://127.0.0.1").ok()?.join(target).ok()?;
    let value =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    value("state").filter(|got| url.path() == "/" && got == state)?;
    value("code").filter(|code| !code.is_empty())
}

async fn exchange(config: &Config, code: &str, verifier: &str) -> Result<Exchanged, CliError> {
    let url = below(&config.url, &["cli", "token"]);
    let unreachable = |error: reqwest::Error| CliError::Unreachable {
        url: config.url.to_string(),
        cause: error.without_url().to_string(),
    };
    let builder = crate::client::builder(config).timeout(READ_WITHIN);
    let client = builder.build().map_err(unreachable)?;
    let answer = client.post(url).json(&json!({ "code": code, "verifier": verifier })).send().await;
    let answer = answer.map_err(unreachable)?;
    if !answer.status().is_success() {
        return Err(CliError::Stopped(format!(
            "the service did not take the code ({}); run `countersign login` again",
            answer.status().as_u16()
        )));
    }
    answer.json().await.map_err(unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_code_with_our_own_state_is_taken() {
        let head = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
        assert_eq!(code_in(&head("/?code=c1&state=s"), "s").as_deref(), Some("c1"));
        for bad in [
            "/?code=c1&state=t",
            "/?code=c1",
            "/?state=s",
            "/?code=&state=s",
            "/favicon.ico",
            "/x?code=c&state=s",
            "",
        ] {
            assert_eq!(code_in(&head(bad), "s"), None, "{bad}");
        }
        assert_eq!(code_in("POST /?code=c&state=s HTTP/1.1\r\n\r\n", "s"), None);
    }
}
