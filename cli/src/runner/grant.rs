//! The answer to a claim, and whether it may be believed: a runner computes everything anew that it can.

use countersign_guardrails::RuleSet;
use countersign_identity::grant::Granted;
use countersign_masking::{Masker, MaskingPolicy, VERSION};
use countersign_rules::digest::Covered;
use countersign_rules::{ConnectionName, Digest, RequestId, Timestamp, UserId};
use countersign_targets::{FileSecrets, RunnerSpec, SecretRef, TargetKind, TargetSpec, resolve_secret};
use serde::Deserialize;
use serde_json::Value;

use super::Work;
use super::programs::Programs;

/// The right to run a command. Without `Debug`: the command is in it.
#[derive(Deserialize)]
pub(crate) struct Grant {
    id: RequestId,
    nonce: String,
    pub(crate) lease_until: Timestamp,
    pub(crate) silence_seconds: u32,
    grant: String,
    digest: Digest,
    covered: Said,
    masking: Value,
    masking_key: Option<String>,
    guardrails: Vec<Value>,
}

/// What the service says that the digest covers.
#[derive(Deserialize)]
struct Said {
    connection: ConnectionName,
    kind: String,
    target: Value,
    secret: String,
    command: String,
    options: String,
    masking_version: u32,
    requester: UserId,
    policy_version: u64,
}

/// What runs, and what becomes of its output. Without `Debug`: the command is in it.
pub(crate) struct Checked {
    pub(crate) program: Vec<String>,
    pub(crate) command: String,
    pub(crate) spec: RunnerSpec,
    pub(crate) masker: Masker,
    pub(crate) rules: RuleSet,
}

impl Grant {
    /// Whether it is the grant of that work under that name, by a service that knows our token.
    ///
    /// # Errors
    /// Why nothing may be believed of it.
    pub(crate) fn is_genuine(&self, work: &Work, nonce: &str, token: &str) -> Result<(), String> {
        let granted = Granted { request: self.id, digest: self.digest, nonce, lease_until: self.lease_until };
        if self.nonce != nonce || self.id.to_string() != work.id || self.digest.to_string() != work.digest {
            return Err("the grant is of another request or claim".to_owned());
        }
        if granted.is_signed(token, &self.grant) {
            return Ok(());
        }
        Err("the grant is not signed by a service that knows this runner's token".to_owned())
    }

    /// What may run: if the digest of what came is the one that was approved, and the program is ours.
    ///
    /// # Errors
    /// Why nothing runs.
    pub(crate) fn check(self, programs: &Programs) -> Result<Checked, String> {
        let said = self.covered;
        let target = serde_json_canonicalizer::to_string(&said.target).map_err(|error| error.to_string())?;
        let computed = Digest::of(&Covered {
            request: self.id,
            connection: &said.connection,
            kind: &said.kind,
            target: &target,
            secret: &said.secret,
            command: said.command.as_bytes(),
            options: &said.options,
            masking_version: said.masking_version,
            requester: said.requester,
            policy_version: said.policy_version,
        });
        if computed != self.digest {
            return Err(
                "what the service sent is not what was approved: its digest is another one".to_owned()
            );
        }
        if said.masking_version != VERSION {
            return Err(format!(
                "this runner masks by version {VERSION}, the approved one is {}: use the runner of the service's version",
                said.masking_version
            ));
        }
        let kind: TargetKind =
            said.kind.parse().map_err(|_| format!("the kind `{}` is not for runners", said.kind))?;
        let TargetSpec::Runner(spec) =
            TargetSpec::parse(kind, &said.target).map_err(|error| error.to_string())?
        else {
            return Err(format!("the kind `{kind}` is not for runners"));
        };
        let program = programs.of(said.connection.as_str(), &spec.program)?.to_vec();
        let key = match &self.masking_key {
            None => None,
            Some(reference) => {
                let reference =
                    SecretRef::parse(reference, FileSecrets::Allowed).map_err(|error| error.to_string())?;
                let secret = resolve_secret(&reference, &|name| std::env::var(name).ok());
                Some(secret.map_err(|error| error.to_string())?)
            }
        };
        let key = key.as_ref().map(|key| key.expose().as_bytes());
        let masking = MaskingPolicy::parse(&self.masking).map_err(|error| error.to_string())?;
        Ok(Checked {
            program,
            command: said.command,
            masker: Masker::new(&masking, key).map_err(|error| error.to_string())?,
            rules: RuleSet::parse(&self.guardrails).map_err(|error| error.to_string())?,
            spec,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_identity::token::Token;
    use countersign_rules::TokenId;
    use serde_json::json;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    struct Scene {
        token: Token,
        work: Work,
        grant: Value,
    }

    const NONCE: &str = "00112233445566778899aabbccddeeff";

    fn scene() -> Scene {
        let user = UserId::from_parts(at(0), 1);
        let token = Token::new(user, &[7; 32]);
        let id = RequestId::from_parts(at(0), 2);
        let target = json!({ "program": ["bash", "-s"] });
        let digest = Digest::of(&Covered {
            request: id,
            connection: &"ops".parse().unwrap(),
            kind: "runner",
            target: &serde_json_canonicalizer::to_string(&target).unwrap(),
            secret: "",
            command: b"echo approved",
            options: "manual",
            masking_version: VERSION,
            requester: user,
            policy_version: 3,
        });
        let stored = token.stored(TokenId::from_parts(at(0), 1), "r".to_owned(), at(0), None, user);
        let granted = Granted { request: id, digest, nonce: NONCE, lease_until: at(60) };
        let grant = json!({
            "id": id, "nonce": NONCE, "lease_until": at(60), "silence_seconds": 60,
            "grant": granted.signed(&stored.secret_sha256), "digest": digest,
            "covered": { "connection": "ops", "kind": "runner", "target": target, "secret": "",
                "command": "echo approved", "options": "manual", "masking_version": VERSION,
                "requester": user, "policy_version": 3 },
            "masking": { "enabled": true, "entities": [] }, "masking_key": null, "guardrails": []
        });
        let work = Work { id: id.to_string(), connection: "ops".to_owned(), digest: digest.to_string() };
        Scene { token, work, grant }
    }

    fn read(grant: &Value) -> Grant {
        serde_json::from_value(grant.clone()).unwrap()
    }

    fn ours() -> Programs {
        Programs::new(vec![super::super::programs::parse("ops=bash -s").unwrap()]).unwrap()
    }

    #[test]
    fn what_was_approved_may_run() {
        let Scene { token, work, grant } = scene();
        assert_eq!(read(&grant).is_genuine(&work, NONCE, token.reveal()), Ok(()));
        let checked = read(&grant).check(&ours()).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!((checked.command.as_str(), checked.program.len()), ("echo approved", 2));
    }

    #[test]
    fn whatever_the_service_changes_is_found() {
        let changes = [
            ("/covered/command", json!("echo tampered")),
            ("/covered/connection", json!("other")),
            ("/covered/target/program/1", json!("-x")),
            ("/covered/secret", json!("env:X")),
            ("/covered/options", json!("on_approval")),
            ("/covered/masking_version", json!(VERSION + 1)),
            ("/covered/requester", json!(UserId::from_parts(at(0), 9))),
            ("/covered/policy_version", json!(4)),
        ];
        for (pointer, value) in changes {
            let Scene { mut grant, .. } = scene();
            *grant.pointer_mut(pointer).unwrap() = value;
            let Err(why) = read(&grant).check(&ours()) else { panic!("{pointer} is believed") };
            assert!(why.contains("its digest is another one"), "{pointer}: {why}");
        }
        let Scene { token, work, grant } = scene();
        for (pointer, value) in [("/lease_until", json!(at(61))), ("/grant", json!("v1=00"))] {
            let mut forged = grant.clone();
            *forged.pointer_mut(pointer).unwrap() = value;
            assert!(read(&forged).is_genuine(&work, NONCE, token.reveal()).is_err(), "{pointer}");
        }
        let other = Token::new(UserId::from_parts(at(0), 1), &[8; 32]);
        assert!(read(&grant).is_genuine(&work, NONCE, other.reveal()).is_err());
        let elsewhere = Work { digest: format!("sha256:{}", "0".repeat(64)), ..work };
        assert!(read(&grant).is_genuine(&elsewhere, NONCE, token.reveal()).is_err());
    }

    #[test]
    fn another_program_than_this_machines_own_is_not_started() {
        let programs = Programs::new(vec![super::super::programs::parse("ops=sh -s").unwrap()]).unwrap();
        let Err(why) = read(&scene().grant).check(&programs) else { panic!("it is started") };
        assert!(why.contains("this runner starts"), "{why}");
    }
}
