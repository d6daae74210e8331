//! The reading of shells compared with bash itself.
//!
//! Scripts are made of the grammar's parts, with a denied program where it should be inert, and are changed at random.
//! `bash -n` says what a script is, and a run in a [`Sandbox`] what it does. The seed is fixed;
//! `COUNTERSIGN_SHELL_MUTANTS` is the number of scripts for longer runs, `COUNTERSIGN_SHELL_SEED` another seed.

mod random;
mod sandbox;
mod scripts;

use countersign_guardrails::{Dialect, RuleSet, analyse};
use random::Random;
use sandbox::{Call, Sandbox};
use serde_json::json;

/// The number of scripts, and the random numbers they are made of.
fn budget(usual: usize) -> (usize, Random) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count =
        number("COUNTERSIGN_SHELL_MUTANTS").map_or(usual, |count| usize::try_from(count).expect("a count"));
    (count, Random::new(number("COUNTERSIGN_SHELL_SEED").unwrap_or(12)))
}

#[test]
fn bash_takes_what_is_understood() {
    let (count, mut random) = budget(1500);
    let everyday = include_str!("../../everyday/shell.txt").split("\n%%\n").map(str::to_owned);
    let mut scripts: Vec<String> = everyday.collect();
    let own: Vec<String> = (0..count).map(|_| scripts::script(&mut random)).collect();
    scripts.extend(own);
    let changed: Vec<String> = scripts.iter().map(|script| scripts::changed(script, &mut random)).collect();
    scripts.extend(changed);
    let (mut understood, mut taken) = (0, 0);
    let mut wrong = Vec::new();
    for script in &scripts {
        let ours = analyse(Dialect::Shell, script).understood;
        let bash = sandbox::bash_takes(script);
        understood += usize::from(ours);
        taken += usize::from(bash);
        if ours && !bash {
            wrong.push(script.as_str());
        }
    }
    println!("{} scripts, bash takes {taken}, understood {understood}", scripts.len());
    assert!(wrong.is_empty(), "{} scripts that bash refuses:\n{}", wrong.len(), wrong.join("\n----\n"));
    assert!(understood * 3 > taken, "understood {understood} of {taken}");
}

#[test]
fn no_script_that_passes_a_deny_runs_the_denied_program() {
    let rules =
        RuleSet::parse(&[json!({ "name": "no-rm", "deny": { "statement": ["rm"] } })]).expect("a rule");
    let bypasses = run_those_that_pass(&rules, 400, |sandbox| {
        sandbox.calls().iter().find(|call| call.program == "rm").map(|call| format!("{call:?}"))
    });
    assert!(bypasses.is_empty(), "{} scripts:\n{}", bypasses.len(), bypasses.join("\n----\n"));
}

#[test]
fn no_script_that_passes_an_only_rule_does_anything_else() {
    let only = json!({ "commands": ["ls", "echo *", ": *", "true", "kubectl get -n=", "grep *", "env", "nice", "xargs -n=", "f", "["],
        "variables": ["NS", "x"], "reads": ["in"], "writes": ["out"] });
    let rules = RuleSet::parse(&[json!({ "name": "listed", "only": only })]).expect("a rule");
    let bypasses = run_those_that_pass(&rules, 400, |sandbox| {
        let calls = sandbox.calls();
        let unlisted = calls.iter().find(|call| !is_listed(call)).map(|call| format!("{call:?}"));
        unlisted
            .or_else(|| {
                sandbox.written().iter().find(|file| *file != "out").map(|file| format!("writes {file}"))
            })
            .or_else(|| sandbox.leaked().then(|| "reads a file".to_owned()))
    });
    assert!(bypasses.is_empty(), "{} scripts:\n{}", bypasses.len(), bypasses.join("\n----\n"));
}

/// Whether the rule of the test lists a call of a program.
fn is_listed(call: &Call) -> bool {
    let is_option = |argument: &String| argument.len() > 1 && argument.starts_with('-') && argument != "--";
    match call.program.as_str() {
        "ls" => !call.arguments.iter().any(is_option),
        "grep" => true,
        "kubectl" => {
            let mut rest = call.arguments.iter().map(String::as_str);
            let mut words = Vec::new();
            while let Some(argument) = rest.next() {
                match argument {
                    "-n" => _ = rest.next(),
                    "--" => {}
                    option if option.starts_with("-n") => {}
                    option if option.starts_with('-') && option.len() > 1 => return false,
                    word => words.push(word),
                }
            }
            words.first() == Some(&"get")
        }
        _ => false,
    }
}

/// Makes scripts until so many have passed the rules, and runs these; what `judge` finds in their traces, with the
/// script.
fn run_those_that_pass(
    rules: &RuleSet,
    usual: usize,
    judge: impl Fn(&Sandbox) -> Option<String>,
) -> Vec<String> {
    let (count, mut random) = budget(usual);
    let sandbox = Sandbox::new();
    let mut found = Vec::new();
    let (mut made, mut passed) = (0, 0);
    while passed < count {
        made += 1;
        let mut script = scripts::script(&mut random);
        if !random.one_in(4) {
            script = scripts::changed(&script, &mut random);
        }
        if rules.check(&script, &analyse(Dialect::Shell, &script)).is_some() || !scripts::is_safe(&script) {
            continue;
        }
        passed += 1;
        sandbox.run(&script);
        if let Some(why) = judge(&sandbox) {
            found.push(format!("{why}\n{script}"));
        }
    }
    println!("{made} scripts, {passed} passed and ran");
    found
}
