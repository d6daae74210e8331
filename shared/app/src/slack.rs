//! The account's end of the proof of who somebody is in Slack.

use countersign_rules::digest::sha256_hex;
use countersign_storage::slack::{CODE_SECONDS, LinkCode};
use futures::future::BoxFuture;

use crate::{App, Caller, app, errors};
use countersign_http::Problem;

/// Characters of a code: 50 bits.
const CODE_CHARACTERS: u32 = 10;

/// SHA-256 of a code as it is stored. Case, hyphens and look-alikes do not matter.
#[must_use]
pub fn code_sha256(code: &str) -> String {
    let plain = code.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    sha256_hex(format!("countersign/slack-link/{}", plain.collect::<String>()).as_bytes())
}

impl App {
    /// Makes a code with which that Slack user can prove to be the caller.
    ///
    /// # Errors
    /// 403 for a service account; 503.
    pub fn slack_link_code<'a>(
        &'a self,
        caller: &'a Caller,
        slack_user: &'a str,
        team: &'a str,
    ) -> BoxFuture<'a, Result<(String, LinkCode), Problem>> {
        Box::pin(async move {
            if caller.user.owner.is_some() {
                return Err(Problem::forbidden(
                    "a service account has no Slack user; link the one of its owner",
                ));
            }
            let code = code(app::random().map_err(|_| errors::no_randomness())?);
            let known = LinkCode {
                user: caller.user.id,
                slack_user: slack_user.to_owned(),
                team: team.to_owned(),
                expires_at: self.now().plus_seconds(CODE_SECONDS),
            };
            let stored = self.store.put_link_code(&code_sha256(&code), &known).await;
            stored.map_err(|error| errors::storage(&error))?;
            Ok((code, known))
        })
    }
}

/// `7F3KQ-2ZDM9`, in Crockford's base32.
fn code(random: u128) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut code = String::with_capacity(11);
    for position in 0..CODE_CHARACTERS {
        let index = usize::try_from((random >> (position * 5)) & 31).unwrap_or(0);
        code.push(ALPHABET.get(index).copied().map_or('0', char::from));
        if position + 1 == CODE_CHARACTERS / 2 {
            code.push('-');
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_write_it() {
        let code = code(u128::MAX / 7);
        assert_eq!(code.len(), 11);
        assert_eq!(code_sha256(&code), code_sha256(&format!(" {} ", code.to_lowercase().replace('-', ""))));
        assert_eq!(code_sha256("O1I-L0"), code_sha256("01110"));
        assert_ne!(code_sha256("AAAAA-AAAAA"), code_sha256("AAAAA-AAAAB"));
    }
}
