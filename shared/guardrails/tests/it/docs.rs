//! The examples of docs/guardrails.md do what the page says.

use countersign_guardrails::{Dialect, PRESETS, RuleSet, analyse, preset};
use serde_json::Value;

/// Fenced blocks: what stands behind the fence, and the lines.
fn blocks() -> Vec<(String, Vec<String>)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, Vec<String>)> = None;
    for line in include_str!("../../../../docs/guardrails.md").lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(info), None) => open = Some((info.to_owned(), Vec::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, lines))) => lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    blocks
}

#[test]
fn every_example_of_the_page_is_blocked_or_passes_as_it_says() {
    let mut rules = RuleSet::default();
    let (mut blocked, mut passed) = (0, 0);
    for (info, lines) in blocks() {
        if info == "json" {
            let list: Vec<Value> = serde_json::from_str(&lines.join("\n")).expect("a list of rules");
            rules = RuleSet::parse(&list).unwrap_or_else(|problem| panic!("{problem}: {lines:?}"));
            continue;
        }
        let Some((language, expected)) = info.split_once(' ') else { continue };
        let dialect = match language {
            "sql" => Dialect::Postgres,
            kind => kind.parse().expect("a connection kind"),
        };
        rules.fits(dialect).expect("rules for this kind");
        for command in &lines {
            let hit = rules.check(command, &analyse(dialect, command));
            match expected {
                "blocked" => {
                    assert!(hit.is_some(), "passes: {command}");
                    blocked += 1;
                }
                "passes" => {
                    assert!(hit.is_none(), "blocked: {command}: {hit:?}");
                    passed += 1;
                }
                other => panic!("expected blocked or passes behind a fence, came {other}"),
            }
        }
    }
    assert!(blocked > 40 && passed > 10, "{blocked} blocked, {passed} passed");
}

#[test]
fn the_page_names_every_preset() {
    let page = include_str!("../../../../docs/guardrails.md");
    for name in PRESETS {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
        assert!(preset(name).is_some());
    }
    assert_eq!(preset("no-such-preset"), None);
}
