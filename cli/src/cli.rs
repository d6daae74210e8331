//! The command line: what can be said, and its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::analytics::AnalyticsArgs;
use crate::commands::audit::AuditCommand;
use crate::commands::connections::ConnectionsCommand;
use crate::commands::decide::{ApproveArgs, CancelArgs, RejectArgs, SettleArgs};
use crate::commands::doctor::DoctorArgs;
use crate::commands::exec::ExecArgs;
use crate::commands::integrations::{SlackCommand, TeamsCommand};
use crate::commands::login::LoginArgs;
use crate::commands::requests::RequestsCommand;
use crate::commands::run::{EventsArgs, OutputArgs, RunArgs};
use crate::commands::tokens::TokensCommand;
use crate::commands::users::{GroupsCommand, UsersCommand};
use crate::commands::webhooks::WebhooksCommand;
use crate::render::Format;
#[cfg(feature = "runner")]
use crate::runner::RunnerArgs;

const EXIT_CODES: &str = "\
Exit codes:
  0   done; exec and run: the command ran and succeeded
  1   refused because of how things stand now (decided already, changed meanwhile), or you said no;
      exec and run: the command ran and failed
  2   the call is wrong
  10  exec and run: rejected by a reviewer
  11  exec and run: timed out, was not run
  12  blocked by a guardrail
  13  exec and run: cancelled
  14  exec and run: outcome unknown, an admin has to settle it
  20  not signed in, not allowed, or not visible to you
  21  the service cannot be reached or cannot answer
  74  the output could not be written
  130 interrupted

Environment: COUNTERSIGN_URL, COUNTERSIGN_TOKEN, COUNTERSIGN_DATA (where --as looks for demo.json),
NO_COLOR.";

/// An approval gate for commands: the right people approve exactly what runs, and it runs at most
/// once.
#[derive(Parser)]
#[command(name = "countersign", version, about, after_help = EXIT_CODES, max_term_width = 100)]
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
    /// The service's address [or COUNTERSIGN_URL; default: http://127.0.0.1:8700]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Your token [or COUNTERSIGN_TOKEN, which other people on this machine cannot see]
    #[arg(long, global = true, value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Act as that user of a demo, such as alice; reads ./countersign-demo/demo.json
    #[arg(long = "as", global = true, value_name = "NAME", conflicts_with = "token")]
    pub(crate) as_user: Option<String>,
    /// The demo's file, where it is somewhere else
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) demo_file: Option<PathBuf>,
    /// How to print data
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Submit a command, wait for its approval, run it, print its output
    Exec(ExecArgs),
    /// List, show and watch requests
    #[command(subcommand)]
    Requests(RequestsCommand),
    /// Approve a request
    Approve(ApproveArgs),
    /// Reject a request
    Reject(RejectArgs),
    /// Cancel your own request; an admin's emergency stop for any
    Cancel(CancelArgs),
    /// Say how a request ended whose outcome is unknown (admin)
    Settle(SettleArgs),
    /// Go on with your request: wait for its approval if need be, run it, print its output
    Run(RunArgs),
    /// Print the output of a request
    Output(OutputArgs),
    /// Print the audit trail of a request
    Events(EventsArgs),
    /// Make and change connections
    #[command(subcommand)]
    Connections(Box<ConnectionsCommand>),
    /// People and service accounts
    Users(Perhaps<UsersCommand>),
    /// Groups
    Groups(Perhaps<GroupsCommand>),
    /// API tokens
    Tokens(Perhaps<TokensCommand>),
    /// Who is told of what happens: custom webhooks (admin)
    Webhooks(Perhaps<WebhooksCommand>),
    /// Telling people through Slack (admin)
    Slack(Perhaps<SlackCommand>),
    /// Telling people through Teams (admin)
    Teams(Perhaps<TeamsCommand>),
    /// Say why a notification did not arrive, or a request was approved by itself
    Doctor(DoctorArgs),
    /// Numbers about requests (admin, auditor)
    Analytics(AnalyticsArgs),
    /// The log over everything that happened: fetch it, verify it
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Sign in through a browser on this machine
    Login(LoginArgs),
    /// Forget the sign-in, and make its token useless
    Logout,
    /// Run the whole product on this machine
    #[cfg(feature = "serve")]
    Serve(ServeArgs),
    /// Make the first admin
    #[cfg(feature = "serve")]
    Bootstrap(BootstrapArgs),
    /// Run approved commands of `runner` connections here, with the token of a runner
    #[cfg(feature = "runner")]
    Runner(RunnerArgs),
    /// Make all statistics anew from the events
    #[cfg(feature = "serve")]
    RebuildStatistics(RebuildArgs),
    /// After a restore from a backup: end what was open in it, before anybody serves it
    #[cfg(feature = "serve")]
    Restore(RestoreArgs),
}

/// What to do with something; to look at it, if nothing is said.
#[derive(Args)]
pub(crate) struct Perhaps<T: Subcommand> {
    #[command(subcommand)]
    command: Option<T>,
}

impl<T: Subcommand> Perhaps<T> {
    /// What was asked for, or `look`.
    pub(crate) fn or(self, look: T) -> T {
        self.command.unwrap_or(look)
    }
}

/// Options of `serve`.
#[cfg(feature = "serve")]
#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8700")]
    pub(crate) listen: String,
    /// Where the data are [default: ./countersign-data, with --demo ./countersign-demo]
    #[arg(long, value_name = "DIR", env = "COUNTERSIGN_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// With made-up people, connections and data to try things out
    #[arg(long)]
    pub(crate) demo: bool,
}

/// Options of `bootstrap`.
#[cfg(feature = "serve")]
#[derive(Args)]
pub(crate) struct BootstrapArgs {
    /// The admin's e-mail address
    #[arg(long)]
    pub(crate) email: String,
    /// The admin's name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where the data are [or COUNTERSIGN_DATA; default: ./countersign-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The table of a deployment in AWS instead, reached with the credentials in AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, in AWS_REGION
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub(crate) table: Option<String>,
}

/// Options of `restore`.
#[cfg(feature = "serve")]
#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// The new epoch, higher than every one before; what serves the table afterwards must have it too
    /// (COUNTERSIGN_EPOCH, in AWS the parameter Epoch)
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) epoch: u32,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) check: bool,
    /// Where the data are, with nothing serving them [or COUNTERSIGN_DATA; default: ./countersign-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The restored table in AWS instead, reached as by `bootstrap`; also gets the settings that a restore
    /// leaves off
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub(crate) table: Option<String>,
}

/// Options of `rebuild-statistics`.
#[cfg(feature = "serve")]
#[derive(Args)]
pub(crate) struct RebuildArgs {
    /// Where the data are, with nothing serving them [or COUNTERSIGN_DATA; default: ./countersign-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The table of a deployment in AWS instead, reached as by `bootstrap`
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
