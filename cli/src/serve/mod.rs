//! `serve`, and what is done to its table without it: `bootstrap`, `rebuild-statistics`, `restore`.

mod demo_hint;
pub(crate) mod restore;

use std::io::IsTerminal as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::ExitCode;

use countersign_service::service::Opened;
use countersign_service::{Seal, Service, ServiceConfig, ServiceError, bootstrap as first_admin, demo};

use crate::cli::{BootstrapArgs, RebuildArgs, ServeArgs};
use crate::error::CliError;
use crate::signals::Signals;

const DATA: &str = "countersign-data";
const DEMO_DATA: &str = "countersign-demo";

/// Runs the service on this machine until a signal asks it to stop.
///
/// # Errors
/// [`CliError::Usage`] with what stands in the way.
pub(crate) async fn serve(args: ServeArgs) -> Result<ExitCode, CliError> {
    start_logging();
    let listen = address(&args.listen)?;
    if args.demo && !listen.ip().is_loopback() {
        return Err(CliError::Usage(format!(
            "the demo's tokens stand in a file, so it listens on loopback only, not on `{listen}`"
        )));
    }
    let data_dir = args.data.unwrap_or_else(|| PathBuf::from(if args.demo { DEMO_DATA } else { DATA }));
    let begun = match args.demo {
        true => Some(demo::begin(&data_dir).map_err(|error| failed(&error))?),
        false => None,
    };
    let mut config = ServiceConfig::new(data_dir.clone(), listen);
    config.loopback_only = listen.ip().is_loopback();
    if let Some(every) = seconds("COUNTERSIGN_SWEEP_SECONDS")? {
        config.sweep_every = every;
    }
    if let Some(every) = seconds("COUNTERSIGN_SEAL_SECONDS")? {
        config.seal_every = every;
    }
    // Before anything starts, so that a stop at any moment is a clean one.
    let mut signals =
        Signals::listen().map_err(|error| CliError::Usage(format!("signals cannot be handled: {error}")))?;
    let mut opened = Service::open(config).await.map_err(|error| failed(&error))?;
    if let Some(begun) = begun {
        begun.keep();
        demo::prepare(&mut opened).await.map_err(|error| failed(&error))?;
    }
    let service = opened.run().await.map_err(|error| failed(&error))?;
    if args.demo {
        println!("{}", demo_hint::line(&service.url(), &data_dir));
    } else {
        println!("Countersign listens on {}, data in {}", service.url(), data_dir.display());
    }
    signals.stop().await;
    tracing::info!("stopping");
    service.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// Makes the first admin: in a data directory that nothing serves right now, or in AWS.
///
/// # Errors
/// [`CliError::Usage`] with what stands in the way.
pub(crate) async fn bootstrap(args: BootstrapArgs) -> Result<ExitCode, CliError> {
    let email = &args.email;
    let name = args.name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
    let made = match args.table {
        Some(table) => {
            let app = first_admin::deployed(&table, &|name| std::env::var(name).ok());
            let app = app.await.map_err(|error| failed(&error))?;
            first_admin::bootstrap(&app, email, &name).await
        }
        None => first_admin::bootstrap(&opened(args.data).await?.app, email, &name).await,
    };
    let made = made.map_err(|error| failed(&error))?;
    eprintln!("{email} ({}) is the first admin. This token is shown once:", made.id);
    println!("{}", made.token.reveal());
    Ok(ExitCode::SUCCESS)
}

/// Makes all statistics anew: in a data directory that nothing serves right now, or in AWS.
///
/// # Errors
/// [`CliError::Usage`] with what stands in the way.
pub(crate) async fn rebuild_statistics(args: RebuildArgs) -> Result<ExitCode, CliError> {
    let rebuilt = match args.table {
        Some(table) => {
            let app = first_admin::deployed(&table, &|name| std::env::var(name).ok());
            Seal::rebuild_statistics(&app.await.map_err(|error| failed(&error))?).await
        }
        None => Seal::rebuild_statistics(&opened(args.data).await?.app).await,
    };
    let minutes = rebuilt.map_err(|error| CliError::Stopped(error.to_string()))?;
    eprintln!(
        "made anew from the events: {minutes} minutes, and the hours, days and months that they are in"
    );
    Ok(ExitCode::SUCCESS)
}

/// A data directory that nothing serves right now.
async fn opened(data: Option<PathBuf>) -> Result<Opened, CliError> {
    Service::open(offline(data)).await.map_err(|error| failed(&error))
}

/// How a data directory is opened that nothing serves.
fn offline(data: Option<PathBuf>) -> ServiceConfig {
    // Not clap's business: what stands in the environment must not contradict `--table`.
    let from_environment = || std::env::var_os("COUNTERSIGN_DATA").filter(|dir| !dir.is_empty());
    let data_dir = data.or_else(|| from_environment().map(PathBuf::from));
    let data_dir = data_dir.unwrap_or_else(|| PathBuf::from(DATA));
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    ServiceConfig::new(data_dir, nowhere)
}

fn address(text: &str) -> Result<SocketAddr, CliError> {
    let wrong =
        || CliError::Usage(format!("`--listen` wants an address such as `127.0.0.1:8700`, got `{text}`"));
    text.to_socket_addrs().map_err(|_| wrong())?.next().ok_or_else(wrong)
}

/// `COUNTERSIGN_SWEEP_SECONDS`, `COUNTERSIGN_SEAL_SECONDS`: how often the sweep and the sealing run, 60 if
/// not given.
fn seconds(name: &str) -> Result<Option<std::time::Duration>, CliError> {
    let Ok(text) = std::env::var(name) else {
        return Ok(None);
    };
    match text.parse::<u64>() {
        Ok(seconds) if seconds > 0 => Ok(Some(std::time::Duration::from_secs(seconds))),
        _ => Err(CliError::Usage(format!("`{name}` wants a whole number above 0, got `{text}`"))),
    }
}

/// Logs go to standard error; the one line that says where to go stands on standard output.
fn start_logging() {
    let level = std::env::var("COUNTERSIGN_LOG").unwrap_or_default().parse().unwrap_or(tracing::Level::INFO);
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(colour)
        .with_writer(std::io::stderr);
    // A second start is a test's; the first one holds.
    let _ = subscriber.try_init();
    countersign_service::quiet_panics();
}

fn failed(error: &ServiceError) -> CliError {
    CliError::Usage(error.to_string())
}
