//! Scripts of `awk` and `sed` that only print and replace: a short list of what is known to be so.

/// Whether the script of a program does nothing else.
pub(super) fn is_calm(program: &str, script: &str) -> bool {
    if program == "sed" { is_calm_sed(script) } else { is_calm_awk(script) }
}

/// `{print $1, $NF}`
fn is_calm_awk(script: &str) -> bool {
    let is_field = |item: &str| {
        item.is_empty()
            || item.strip_prefix('$').is_some_and(|number| {
                number == "NF" || !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
            })
    };
    let inside = script.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let printed = inside.and_then(|text| text.trim().strip_prefix("print"));
    printed.is_some_and(|fields| fields.split(',').all(|item| is_field(item.trim())))
}

/// `1,20p`, `s/a/b/g`
fn is_calm_sed(script: &str) -> bool {
    let is_address =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b',' || b == b'$');
    if script.strip_suffix(['p', 'd']).is_some_and(is_address) {
        return true;
    }
    // The flags `e` and `w` run and write.
    let is_text = |text: &str| !text.contains(['\\', '\n', ';']);
    let parts: Vec<&str> = script.split('/').collect();
    matches!(parts.as_slice(), ["s", from, to, "" | "g" | "p" | "gp" | "i" | "gi"] if is_text(from) && is_text(to))
}

#[cfg(test)]
mod tests {
    use super::is_calm;

    #[test]
    fn scripts_that_only_print_and_replace_are_calm() {
        for (program, script) in [
            ("awk", "{print $1}"),
            ("awk", "{ print $1, $NF }"),
            ("sed", "1,20p"),
            ("sed", "s/a/b/"),
            ("sed", "$d"),
        ] {
            assert!(is_calm(program, script), "{script}");
        }
        for (program, script) in [
            ("awk", "BEGIN{system(\"rm x\")}"),
            ("awk", "{print $1 | \"sh\"}"),
            ("sed", "s/a/rm x/e"),
            ("sed", "1e rm x"),
            ("sed", "s/a/b/w f"),
        ] {
            assert!(!is_calm(program, script), "{script}");
        }
    }
}
