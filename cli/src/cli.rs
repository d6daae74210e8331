//! The command line: what can be said, and its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::analytics::AnalyticsArgs;
use crate::commands::audit::AuditCommand;
use crate::commands::check::CheckArgs;
use crate::commands::connections::ConnectionsCommand;
use crate::commands::decide::{ApproveArgs, CancelArgs, RejectArgs, SettleArgs};
use crate::commands::doctor::DoctorArgs;
use crate::commands::exec::ExecArgs;
use crate::commands::guardrails::GuardrailsCommand;
use crate::commands::integrations::{SlackCommand, TeamsCommand};
use crate::commands::login::LoginArgs;
use crate::commands::pages::{CompletionArgs, ManArgs};
use crate::commands::requests::RequestsCommand;
use crate::commands::run::{EventsArgs, OutputArgs, RunArgs};
use crate::commands::tokens::TokensCommand;
use crate::commands::users::{GroupsCommand, UsersCommand};
use crate::commands::webhooks::WebhooksCommand;
use crate::help::examples;
use crate::render::Format;
#[cfg(feature = "runner")]
use crate::runner::RunnerArgs;

/// Below the help of the top level.
#[cfg(feature = "serve")]
const EXAMPLES: &str = examples![
    "countersign serve --demo",
    "countersign --as alice exec demo-db 'DELETE FROM customers WHERE id = 7'",
    "countersign --as dana requests list --waiting-for-me",
];
#[cfg(not(feature = "serve"))]
const EXAMPLES: &str = examples![
    "countersign login --url https://gate.example.com",
    "countersign exec prod-db 'DELETE FROM customers WHERE id = 7'",
    "countersign requests list --waiting-for-me",
];

/// Below them in the long help (`--help`).
const EXIT_CODES: &str = "\
Exit codes:
  0   success; exec, run: the command succeeded
  1   not possible in the current state, or declined at the prompt; exec, run: the command failed
  2   usage error
  10  exec, run: rejected by a reviewer
  11  exec, run: expired, not run
  12  blocked by a guardrail
  13  exec, run: cancelled
  14  exec, run: outcome unknown; an admin settles it
  20  not signed in, not allowed, or not visible to you
  21  service unreachable or unavailable
  74  output could not be written
  130 interrupted

Environment:
  COUNTERSIGN_URL    address of the service
  COUNTERSIGN_TOKEN  your token
  COUNTERSIGN_DATA   folder in which --as looks for demo.json
  NO_COLOR           no colours";

/// An approval gate for commands: reviewers approve exactly what runs, and it runs at most once
#[derive(Parser)]
#[command(
    name = "countersign",
    version,
    about,
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"),
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Address of the service [env: COUNTERSIGN_URL] [default: http://127.0.0.1:8700]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Your token; COUNTERSIGN_TOKEN keeps it out of the process list [env: COUNTERSIGN_TOKEN]
    #[arg(long, global = true, value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Use the token of this user of a demo, such as alice, from ./countersign-demo/demo.json
    #[arg(long = "as", global = true, value_name = "NAME", conflicts_with = "token")]
    pub(crate) as_user: Option<String>,
    /// Path of the demo's demo.json
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) demo_file: Option<PathBuf>,
    /// Output format
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Submit a command, wait for approval, run it and print its output
    #[command(after_help = EXEC_NOTES)]
    Exec(ExecArgs),
    /// Check what would become of a command, without submitting it
    #[command(after_help = CHECK_NOTES)]
    Check(CheckArgs),
    /// Test guardrails against a file of statements
    #[command(after_help = examples![
        "countersign guardrails test prod-db -f corpus.sql",
    ])]
    #[command(subcommand)]
    Guardrails(GuardrailsCommand),
    /// List, show and watch requests
    #[command(after_help = examples![
        "countersign requests list --waiting-for-me",
        "countersign requests watch --connection prod-db",
    ])]
    #[command(subcommand)]
    Requests(RequestsCommand),
    /// Approve a request
    #[command(after_help = examples![
        "countersign approve req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
        "countersign approve req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y --comment 'checked with the team'",
        "countersign approve req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y --max-rows 50 --not-after 2h",
    ])]
    Approve(ApproveArgs),
    /// Reject a request
    #[command(after_help = examples![
        "countersign reject req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y --reason 'add a WHERE clause'",
    ])]
    Reject(RejectArgs),
    /// Cancel your own request, or, as an admin, any request
    #[command(after_help = examples![
        "countersign cancel req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
        "countersign cancel req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y --yes --reason 'wrong connection'",
    ])]
    Cancel(CancelArgs),
    /// Record the outcome of a request whose outcome is unknown (admin)
    #[command(after_help = examples![
        "countersign settle req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y --outcome succeeded --note 'row 7 is gone'",
    ])]
    Settle(SettleArgs),
    /// Resume one of your requests: wait for approval if needed, run it and print its output
    #[command(after_help = examples![
        "countersign run req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
        "countersign run req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y -o csv",
    ])]
    Run(RunArgs),
    /// Print the output of a request
    #[command(after_help = examples![
        "countersign output req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
        "countersign output req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y -o csv > rows.csv",
    ])]
    Output(OutputArgs),
    /// Print the audit trail of a request
    #[command(after_help = examples![
        "countersign events req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
        "countersign events req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y -o json",
    ])]
    Events(EventsArgs),
    /// Create, list, change, test and delete connections
    #[command(after_help = examples![
        "countersign connections list",
        "countersign connections update prod-db --add-reviewers security-team",
    ])]
    #[command(subcommand)]
    Connections(Box<ConnectionsCommand>),
    /// List and manage users and service accounts
    #[command(after_help = examples![
        "countersign users",
        "countersign users create dana@example.com --name Dana --groups dba-team",
    ])]
    Users(Perhaps<UsersCommand>),
    /// List groups
    #[command(after_help = examples![
        "countersign groups",
    ])]
    Groups(Perhaps<GroupsCommand>),
    /// List, create and revoke API tokens
    #[command(after_help = examples![
        "countersign tokens",
        "countersign tokens create ci --expires-in 90d --scope read,submit",
    ])]
    Tokens(Perhaps<TokensCommand>),
    /// List and manage webhooks (admin)
    #[command(after_help = examples![
        "countersign webhooks",
        "countersign webhooks create https://hooks.example.com/countersign --name ops",
    ])]
    Webhooks(Perhaps<WebhooksCommand>),
    /// Show and change the Slack integration (admin)
    #[command(after_help = examples![
        "countersign slack",
        "countersign slack test --channel C0123456789",
    ])]
    Slack(Perhaps<SlackCommand>),
    /// Show and change the Microsoft Teams integration (admin)
    #[command(after_help = examples![
        "countersign teams",
        "countersign teams test",
    ])]
    Teams(Perhaps<TeamsCommand>),
    /// Explain a missing notification or an automatic approval
    #[command(after_help = examples![
        "countersign doctor req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
        "countersign doctor",
    ])]
    Doctor(DoctorArgs),
    /// Print statistics about requests (admin, auditor)
    #[command(after_help = examples![
        "countersign analytics --connection prod-db",
        "countersign analytics --from 2026-11-01T00:00:00Z --by reviewer -o csv",
    ])]
    Analytics(AnalyticsArgs),
    /// Export and verify the audit log
    #[command(after_help = examples![
        "countersign audit export > log.jsonl",
        "countersign audit verify log.jsonl --checkpoint kept.json",
    ])]
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Sign in through a browser on this machine
    #[command(after_help = examples![
        "countersign login --url https://gate.example.com",
        "countersign login --no-browser",
    ])]
    Login(LoginArgs),
    /// Sign out and revoke the tokens of `countersign login`
    #[command(after_help = examples!["countersign logout"])]
    Logout,
    /// Show your account, the service, and where the token came from
    #[command(after_help = examples![
        "countersign whoami",
        "countersign --as dana whoami -o json",
    ])]
    Whoami,
    /// Check whether the service answers; needs no token
    #[command(after_help = examples![
        "countersign health",
        "countersign health --url https://gate.example.com -o json",
    ])]
    Health,
    /// Run the service on this machine
    #[command(after_help = examples![
        "countersign serve --demo",
        "countersign serve --listen 0.0.0.0:8700 --data /var/lib/countersign",
    ])]
    #[cfg(feature = "serve")]
    Serve(ServeArgs),
    /// Create the first admin and print a token
    #[command(after_help = examples![
        "countersign bootstrap --email you@example.com > admin.token",
        "countersign bootstrap --table countersign --email you@example.com > admin.token",
    ])]
    #[cfg(feature = "serve")]
    Bootstrap(BootstrapArgs),
    /// Run approved commands of `runner` connections on this machine, with the token of a runner
    #[command(after_help = examples![
        "countersign runner --program ops='bash -s'",
    ])]
    #[cfg(feature = "runner")]
    Runner(RunnerArgs),
    /// Rebuild all statistics from the events
    #[command(after_help = examples![
        "countersign rebuild-statistics --data /var/lib/countersign",
        "countersign rebuild-statistics --table countersign",
    ])]
    #[cfg(feature = "serve")]
    RebuildStatistics(RebuildArgs),
    /// After a restore from a backup: close the requests that were open in it, before it is served
    #[command(after_help = examples![
        "countersign restore --epoch 2 --check --table countersign-restored",
        "countersign restore --epoch 2 --table countersign-restored",
    ])]
    #[cfg(feature = "serve")]
    Restore(RestoreArgs),
    /// Print a completion script for a shell
    #[command(after_help = examples![
        "countersign completion bash > ~/.local/share/bash-completion/completions/countersign",
        "countersign completion zsh > ~/.zfunc/_countersign",
        "countersign completion fish > ~/.config/fish/completions/countersign.fish",
    ])]
    Completion(CompletionArgs),
    /// Write man pages, one per command, to a folder
    #[command(after_help = examples![
        "countersign man ~/.local/share/man/man1",
    ])]
    Man(ManArgs),
}

/// Below the help of `exec`.
const EXEC_NOTES: &str = concat!(
    examples![
        "countersign exec prod-db 'DELETE FROM sessions WHERE age > 90' --reason INC-1234",
        "countersign exec prod-db -f migration.sql --timeout 30m",
        "countersign exec prod-db 'SELECT count(*) FROM sessions' -o csv > count.csv",
    ],
    "

Standard output holds only the command's output, in the format of -o; long JSON output is several documents. \
Progress is on standard error. Ctrl-C while waiting leaves the request unchanged.

Exit codes:
  0   ran and succeeded
  1   ran and failed
  2   usage error
  10  rejected by a reviewer
  11  expired, not run
  12  blocked by a guardrail
  13  cancelled
  14  outcome unknown; an admin settles it
  20  not allowed
  21  service unreachable or unavailable
  74  ran, but the output could not be written
  130 interrupted"
);

/// Below the help of `check`.
const CHECK_NOTES: &str = concat!(
    examples![
        "countersign check prod-db 'DELETE FROM sessions WHERE age > 90'",
        "countersign check prod-db -f migration.sql --max-rows 100",
        "countersign check prod-db 'DROP TABLE sessions' -o json",
    ],
    "

Nothing is submitted, recorded or run, and nobody is notified.

Exit codes:
  0   not blocked
  2   usage error
  12  blocked by a guardrail
  20  not allowed
  21  service unreachable or unavailable"
);

/// An optional subcommand.
#[derive(Args)]
pub(crate) struct Perhaps<T: Subcommand> {
    #[command(subcommand)]
    command: Option<T>,
}

impl<T: Subcommand> Perhaps<T> {
    /// The subcommand, or `default`.
    pub(crate) fn or(self, default: T) -> T {
        self.command.unwrap_or(default)
    }
}

/// Options of `serve`.
#[cfg(feature = "serve")]
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8700")]
    pub(crate) listen: String,
    /// Data folder [default: ./countersign-data, with --demo ./countersign-demo]
    #[arg(long, value_name = "DIR", env = "COUNTERSIGN_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Start with demo users, connections and data
    #[arg(long)]
    pub(crate) demo: bool,
}

/// Options of `bootstrap`.
#[cfg(feature = "serve")]
#[derive(Args)]
pub(crate) struct BootstrapArgs {
    /// E-mail address of the admin
    #[arg(long)]
    pub(crate) email: String,
    /// Name of the admin
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Data folder [env: COUNTERSIGN_DATA] [default: ./countersign-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// DynamoDB table of a deployment in AWS, instead of --data; credentials are read from AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, the region from AWS_REGION
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub(crate) table: Option<String>,
}

/// Options of `restore`.
#[cfg(feature = "serve")]
#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// The new epoch, higher than all earlier ones; the service needs the same value afterwards
    /// (COUNTERSIGN_EPOCH, in AWS the parameter Epoch)
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) epoch: u32,
    /// Print what would be done, and change nothing
    #[arg(long)]
    pub(crate) check: bool,
    /// Data folder; the service must be stopped [env: COUNTERSIGN_DATA] [default: ./countersign-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The restored DynamoDB table, instead of --data, with the credentials of `bootstrap`; also enables the
    /// table settings that a restore does not carry over
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub(crate) table: Option<String>,
}

/// Options of `rebuild-statistics`.
#[cfg(feature = "serve")]
#[derive(Args)]
pub(crate) struct RebuildArgs {
    /// Data folder; the service must be stopped [env: COUNTERSIGN_DATA] [default: ./countersign-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// DynamoDB table of a deployment in AWS, instead of --data, with the credentials of `bootstrap`
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub(crate) table: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
