//! Statements as people type them: most reads are recognised as reads, so that they need no approval.

use countersign_guardrails::{Dialect, RuleSet, analyse};
use serde_json::json;

/// At least this share, in percent.
const RECOGNISED: usize = 92;

fn check(dialect: Dialect, list: &str) {
    let all: Vec<&str> = list.lines().filter(|line| !line.is_empty()).collect();
    assert!(all.len() >= 60, "{}", all.len());
    let missed: Vec<String> = all
        .iter()
        .filter_map(|command| {
            let why = analyse(dialect, command).is_provable_read().err()?;
            Some(format!("{command}: {why}"))
        })
        .collect();
    let recognised = (all.len() - missed.len()) * 100 / all.len();
    assert!(recognised >= RECOGNISED, "{recognised} % of {}:\n{}", all.len(), missed.join("\n"));
}

#[test]
fn most_reads_of_postgres_are_recognised() {
    check(Dialect::Postgres, include_str!("../everyday/postgres-reads.sql"));
}

#[test]
fn most_reads_of_mysql_are_recognised() {
    check(Dialect::Mysql, include_str!("../everyday/mysql-reads.sql"));
}

#[test]
fn most_reads_of_sqlite_are_recognised() {
    check(Dialect::Sqlite, include_str!("../everyday/sqlite-reads.sql"));
}

/// Commands of runners, as operators type them.
fn commands() -> Vec<&'static str> {
    let all: Vec<&str> = include_str!("../everyday/shell.txt").trim_end().split("\n%%\n").collect();
    assert_eq!(all.len(), 60);
    all
}

#[test]
fn most_commands_of_operators_are_understood() {
    let all = commands();
    let why = |command: &&str| {
        let analysis = analyse(Dialect::Shell, command);
        let why = format!("{command}: {:?} {:?}", analysis.position, analysis.why_not);
        (!analysis.understood).then_some(why)
    };
    let missed: Vec<String> = all.iter().filter_map(why).collect();
    println!("{} of {} commands are understood", all.len() - missed.len(), all.len());
    assert!(all.len() - missed.len() >= 55, "{} missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn the_verdict_names_every_program_of_a_command_and_what_is_hidden() {
    for (command, programs, hidden) in [
        ("kubectl get pods -A | grep -v Running", vec!["kubectl", "grep"], vec![]),
        ("for ns in a b; do kubectl -n $ns get pods; done", vec!["kubectl"], vec![]),
        ("docker exec web ls /app", vec!["docker", "ls"], vec![]),
        ("sudo -u app ls /srv", vec!["sudo", "ls"], vec![]),
        ("ssh web-1 uptime", vec!["ssh"], vec!["ssh"]),
        ("terraform plan -out=p", vec!["terraform"], vec!["terraform"]),
        ("kubectl get nodes | awk '{print $1}'", vec!["kubectl", "awk"], vec![]),
        ("kubectl get nodes | awk '{system($1)}'", vec!["kubectl", "awk"], vec!["awk"]),
        ("echo \"$(date) start\" >> ./log", vec!["echo", "date"], vec![]),
    ] {
        let analysis = analyse(Dialect::Shell, command);
        let found: Vec<&str> = analysis.statements.iter().map(|statement| statement.verb.as_str()).collect();
        assert_eq!(found, programs, "{command}");
        let opaque = analysis.statements.iter().filter(|statement| statement.opaque.is_some());
        assert_eq!(opaque.map(|statement| statement.verb.as_str()).collect::<Vec<_>>(), hidden, "{command}");
    }
}

#[test]
fn each_command_of_operators_can_be_listed_by_an_only_rule() {
    let only = json!({
        "commands": [
            "kubectl get -n= -A -o=", "kubectl get *", "kubectl rollout restart -n=", "kubectl scale -n= --replicas=",
            "kubectl logs -n= --tail=", "kubectl apply -f=", "grep -v -r", "tail -n= -50", "awk -F=", "helm list -n=",
            "helm upgrade --set=", "systemctl status", "systemctl restart", "systemctl is-active", "systemctl reload",
            "journalctl -u= --since=", "df -h", "du -s -h", "sort *", "ps", "head", "ss -l -t -n -p", "wc -l",
            "find -name= -mtime= -print", "curl -s -S", "jq -r", "docker ps --format=", "docker logs --tail=",
            "docker exec", "docker restart", "ls *", "git pull -C= --ff-only", "tar czf", "cp", "sed -n -i", "echo *", "[ -f",
            "set *", "cd", "./deploy.sh", "export", "aws s3 ls", "aws s3 cp",
            "aws ecs update-service --cluster= --service= --force-new-deployment", "terraform plan -out=",
            "ansible-playbook --check", "python3 manage.py migrate --plan", "redis-cli INFO", "pg_dump -s", "date", "read -r",
            "f", "base64 -d", "timeout", "xargs -n=", "sudo -u=", "nohup", "./job.sh", "ssh", "./bench.sh",
        ],
        "variables": ["NS", "ns", "AWS_REGION", "l", "x"],
        "reads": ["/etc/hosts"],
        "writes": ["./log"],
    });
    let rules = RuleSet::parse(&[json!({ "name": "listed", "only": only })]).expect("a rule");
    let missed: Vec<String> = commands()
        .iter()
        .filter_map(|command| {
            let hit = rules.check(command, &analyse(Dialect::Shell, command))?;
            Some(format!("{command}: {}", hit.message))
        })
        .collect();
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}
