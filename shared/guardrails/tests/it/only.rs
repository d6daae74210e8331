//! The `only` rule: what an entry covers, and what none ever covers.

use countersign_guardrails::{Dialect, RuleSet, analyse};
use serde_json::{Value, json};

fn blocked(only: &Value, command: &str) -> Option<String> {
    let rules = RuleSet::parse(&[json!({ "name": "listed", "only": only })]).expect("a rule");
    rules.fits(Dialect::Shell).expect("a rule for runners");
    rules.check(command, &analyse(Dialect::Shell, command)).map(|hit| hit.message)
}

#[test]
fn a_listed_command_passes_with_its_arguments_and_options() {
    let only = json!({ "commands": [
        "ls", "kubectl get -n= -o= -A", "kubectl rollout restart -n=", "grep -v -i", "tail *", "wc -l", "journalctl -u= --since=",
        "timeout", "sudo", "systemctl reload", "echo *", "[ -f", "./deploy.sh"
    ], "variables": ["NS", "ns"], "reads": ["/etc/hosts"], "writes": ["./log"] });
    for command in [
        "ls",
        "ls /srv /var",
        "kubectl get pods",
        "kubectl get pods -n prod -o json",
        "kubectl -n prod get pods",
        "kubectl -nprod get pods --",
        "kubectl get pods -A | grep -v Running",
        "kubectl rollout restart deploy/web -n prod",
        "tail -n 20 -f /var/log/syslog",
        "tail -50 x",
        "ls && ls || ls; ls & ls",
        "timeout 30 kubectl get pods",
        "sudo systemctl reload nginx",
        "NS=prod\nkubectl get pods -n \"$NS\"",
        "for ns in a b; do kubectl get pods -n $ns; done",
        "if [ -f /etc/x ]; then echo yes; else echo no; fi",
        "echo \"$(ls)\" >> ./log",
        "wc -l < /etc/hosts",
        "ls > /dev/null 2>&1",
        "ls /var/log/*",
        "./deploy.sh",
        "{ ls; }; (ls)",
        "./deploy.sh < /dev/null\nls",
        "tail -n 5 /var/log/syslog\nls",
    ] {
        assert_eq!(blocked(&only, command), None, "{command}");
    }
}

#[test]
fn an_entry_never_covers_what_it_does_not_list() {
    let only = json!({ "commands": ["ls", "kubectl get -n=", "kubectl rollout restart *", "grep", "sudo", "xargs", "echo", "env", "find *", "tail *"],
        "variables": ["NS"] });
    for command in [
        "rm -rf X",
        "kubectl delete pod x",
        "kubectl get --kubeconfig=x",
        "kubectl get pods --kubeconfig x",
        "kubectl --kubeconfig=x get pods",
        "kubectl --as root get pods",
        "kubectl -x get delete pods",
        "kubectl rollout --to restart undo",
        "kubectl",
        "kubectl rollout",
        "LD_PRELOAD=x ls",
        "A=1 ls",
        "A=1",
        "ls > f",
        "ls >> f",
        "ls &> f",
        "ls < f",
        "ls 2> f",
        "ls -l",
        "ls | sh",
        "ls; rm x",
        "ls & rm x",
        "ls\nrm x",
        "echo $(rm x)",
        "echo `rm x`",
        "echo \"${x:-$(rm x)}\"",
        "cat <(rm x)",
        "$x",
        "l$x",
        "/bin/ls",
        "\\ls x; r\\m x",
        "ls $x",
        "ls *",
        "ls {-l,x}",
        "NS=-l; ls $NS",
        "NS='a b'; ls $NS",
        "for NS in a; do ls $OTHER; done",
        "sudo rm x",
        "sudo -u root ls",
        "sudo -s",
        "echo x | xargs rm",
        "env rm x",
        "env -S 'rm x'",
        "find . -exec rm {} ;",
        "find . -exec tail {} \\; -exec rm {} \\;",
        "find . -exec tail {} + -exec rm {} +",
        "find . -delete -exec sh -c x {} +",
        "bash -c ls",
        "f() { rm x; }; f",
        "ls() { rm x; }; ls",
        "if rm x; then ls; fi",
        "eval ls",
        "x='$(rm -rf X)'; echo ${x@P}",
        "ls 'unclosed",
        "echo $((1+1))",
        "exec rm x",
        "(( x ))",
        "grep x\nls",
        "kubectl get -n NS - \nls",
        "exec < f",
    ] {
        assert!(blocked(&only, command).is_some(), "{command}");
    }
}

#[test]
fn a_rule_that_cannot_be_is_refused_with_its_place() {
    for (only, pointer) in [
        (json!({ "commands": [] }), "/0/only/commands"),
        (json!({ "commands": ["ls", "-l"] }), "/0/only/commands/1"),
        (json!({ "commands": ["A=1 ls"] }), "/0/only/commands/0"),
        (json!({ "commands": ["ls | sh"] }), "/0/only/commands/0"),
        (json!({ "commands": ["*"] }), "/0/only/commands/0"),
        (json!({ "commands": ["ls"], "variables": ["PATH"] }), "/0/only/variables/0"),
        (json!({ "commands": ["ls"], "variables": ["a b"] }), "/0/only/variables/0"),
    ] {
        let error = RuleSet::parse(&[json!({ "name": "r", "only": only })]).expect_err("should be refused");
        assert_eq!(error.pointer, pointer, "{error}");
    }
    for rule in [
        json!({ "name": "r" }),
        json!({ "name": "r", "only": { "commands": ["ls"] }, "deny": { "words": ["x"] } }),
    ] {
        assert!(RuleSet::parse(&[rule]).is_err());
    }
    let rules = RuleSet::parse(&[json!({ "name": "r", "only": { "commands": ["ls"] } })]).expect("a rule");
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite, Dialect::Http] {
        assert_eq!(rules.fits(dialect).expect_err("for runners").pointer, "/0/only");
        assert!(rules.check("SELECT 1", &analyse(dialect, "SELECT 1")).is_some());
    }
}

#[test]
fn entries_with_any_option_of_programs_that_may_run_code_are_named() {
    let rules = RuleSet::parse(&[
        json!({ "name": "r", "only": { "commands": ["ls *", "kubectl get *", "tar *", "cat", "own-tool *"] } }),
    ]);
    assert_eq!(rules.expect("a rule").wide_entries().collect::<Vec<_>>(), ["kubectl", "tar", "own-tool"]);
}
