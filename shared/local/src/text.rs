//! Small forms that several AWS APIs share.

use std::time::{SystemTime, UNIX_EPOCH};

/// 32 lower-case hexadecimal digits of randomness, as a request id; zeros where the
/// system has no randomness to give (an id is a label here, never a secret).
pub(crate) fn request_id() -> String {
    let mut bytes = [0_u8; 16];
    if getrandom::fill(&mut bytes).is_err() {
        bytes = [0; 16];
    }
    let id = u128::from_be_bytes(bytes);
    format!("{id:032x}")
}

/// Milliseconds since 1970, UTC; 0 for a clock before that.
pub(crate) fn now_unix_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|d| i64::try_from(d.as_millis()).ok())
        .unwrap_or(0)
}

/// A path segment without its percent encoding; `None` where it is not UTF-8.
pub(crate) fn percent_decode(segment: &str) -> Option<String> {
    percent_encoding::percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The function a target names: a bare name, a partial or a whole ARN, with or without a
/// qualifier (`name`, `name:live`, `arn:aws:lambda:…:function:name[:live]`).
pub(crate) fn function_name(target: &str) -> &str {
    let after_marker = match target.split_once("function:") {
        Some((_, rest)) => rest,
        None => target,
    };
    after_marker.split(':').next().unwrap_or(after_marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_every_form_that_lambda_takes() {
        for target in [
            "expire",
            "expire:live",
            "000000000000:function:expire",
            "arn:aws:lambda:eu-central-1:000000000000:function:expire",
            "arn:aws:lambda:eu-central-1:000000000000:function:expire:live",
        ] {
            assert_eq!(function_name(target), "expire", "{target}");
        }
    }

    #[test]
    fn request_ids_differ() {
        assert_ne!(request_id(), request_id());
        assert_eq!(request_id().len(), 32);
    }
}
