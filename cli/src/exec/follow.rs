//! Follows a request over the network until it ends, and shows how it stands.

use std::time::{Duration, Instant};

use super::ending::{self, Afterword};
use super::output::{self, OutputFormat};
use super::screen::Screen;
use super::step::{Action, Contact, Ending, Input, State, start, step};
use super::view;
use crate::client::{Again, Call, Client, Failure, Request, ServerClock, Status};
use crate::error::{CliError, exit};
use crate::render::ui::Ui;
use crate::render::{Line, Tone, safe};
use crate::signals::Signals;

/// Follows `request` to its end: waits, runs it once approved, prints its output on standard output
/// and everything else on standard error. Gives the exit code.
pub(crate) async fn follow(
    client: &Client,
    ui: &Ui,
    request: Request,
    clock: ServerClock,
    output_format: OutputFormat,
    signals: &mut Signals,
) -> u8 {
    let began = Instant::now();
    let id = request.id.clone();
    let mut progress = Progress::new(ui, &request);
    let (mut state, mut action) = start(Duration::ZERO, request, clock.now());
    let ending = loop {
        progress.show(&state, began.elapsed());
        let work = match action {
            Action::End(ending) => break ending,
            other => perform(client, &id, other),
        };
        tokio::pin!(work);
        let mut tick = tokio::time::interval(Duration::from_millis(500));
        let input = loop {
            tokio::select! {
                input = &mut work => break input,
                _ = tick.tick() => progress.tick(&state, began.elapsed()),
                () = signals.stop() => {
                    drop(progress);
                    interrupted(ui, &state.request);
                    return exit::INTERRUPTED;
                }
            }
        };
        (state, action) = step(state, began.elapsed(), input);
    };
    drop(progress);
    tokio::select! {
        code = finish(client, ui, &state, &ending, output_format) => code,
        () = signals.stop() => exit::INTERRUPTED,
    }
}

/// Does one action and sorts what comes back.
async fn perform(client: &Client, id: &str, action: Action) -> Input {
    let (after, call) = match action {
        Action::Run { after } => (after, Call::act(&["requests", id, "run"], None, Again::Always)),
        Action::Look { after, wait } => {
            let mut call = Call::get(&["requests", id]);
            if let Some(wait) = wait {
                call = call
                    .with("wait_seconds", wait.seconds.to_string())
                    .with("since_version", wait.since_version.to_string());
            }
            (after, call)
        }
        Action::End(_) => return std::future::pending().await,
    };
    tokio::time::sleep(after).await;
    match client.once(&call).await {
        Ok(answer) => match client.parse(&answer).and_then(|value| read(client, &value)) {
            Ok(request) => Input::Answer {
                request: Box::new(request),
                server_now: answer.clock.now(),
                retry_after: answer.retry_after(),
            },
            Err(error) => Input::Lost { why: error.to_string(), retry_after: None },
        },
        Err(Failure::Lost { cause, .. }) => Input::Lost { why: cause, retry_after: None },
        Err(Failure::Busy { problem, retry_after }) => Input::Lost { why: problem.to_string(), retry_after },
        Err(Failure::Refused(problem)) => Input::Refused(problem),
    }
}

/// Reads a request out of an answer.
///
/// # Errors
/// [`CliError::Answer`].
pub(crate) fn read(client: &Client, value: &serde_json::Value) -> Result<Request, CliError> {
    Request::read(value).map_err(|what| client.odd(&what))
}

async fn finish(client: &Client, ui: &Ui, state: &State, ending: &Ending, output_format: OutputFormat) -> u8 {
    let request = &state.request;
    let mut afterword = Afterword::default();
    if *ending == Ending::Settled && ending::wants_afterword(request) {
        // It only makes the words better; without it they are still true.
        if let Ok(events) = client.json(&Call::get(&["requests", &request.id, "events"])).await {
            afterword = Afterword::read(
                events.get("items").and_then(|items| items.as_array()).map_or(&[], Vec::as_slice),
            );
        }
    }
    let afterword = afterword.or_cause_of(request);
    ui.note(&ending::lines(state, ending, &afterword, ui.err_columns()));
    if ui.err.is_terminal && ui.out.is_terminal {
        ui.note(&[Line::new()]);
    }
    let code = ending::exit_code(state, ending);
    let failed_with_output = request.status == Status::Failed
        && request.execution.as_ref().and_then(|execution| execution.bytes).is_some_and(|bytes| bytes > 0);
    if *ending == Ending::Settled
        && (request.status == Status::Succeeded || failed_with_output)
        && let Err(error) = output::copy_with_notices(client, ui, request, output_format).await
        && !error.is_closed_pipe()
    {
        ui.note(&without_output(&error, &request.id));
        // That the command failed is what a script has to know first; that it succeeded must not
        // look as if it had failed.
        return match (code, error.exit_code()) {
            (exit::OK, exit::FAILED | exit::USAGE) => exit::OUTPUT,
            (exit::OK, other) => other,
            (failed, _) => failed,
        };
    }
    code
}

fn without_output(error: &CliError, id: &str) -> Vec<Line> {
    let text = error.to_string();
    let mut lines: Vec<Line> = text.lines().map(|line| Line::new().text(line.to_owned())).collect();
    lines.push(Line::of(
        Tone::Warn,
        "The command ran; only its output could not be shown. Do not submit it again.",
    ));
    lines
        .push(Line::of(Tone::Faint, "  get it with ").text(format!("countersign output {}", safe::line(id))));
    lines
}

fn interrupted(ui: &Ui, request: &Request) {
    let id = safe::line(&request.id);
    let now = match request.status {
        Status::Running => "Stopped watching; the command goes on running.",
        Status::Approved => "Stopped watching; the request is approved and may still run.",
        _ => "Stopped watching; the request still waits for approval.",
    };
    ui.note(&[
        Line::of(Tone::Warn, now),
        Line::of(Tone::Faint, "  look at it     ").text(format!("countersign requests show {id}")),
        Line::of(Tone::Faint, "  go on with it  ").text(format!("countersign run {id}")),
        Line::of(Tone::Faint, "  call it off    ").text(format!("countersign cancel {id}")),
    ]);
}

/// Progress on standard error: a picture on a terminal, plain lines elsewhere.
enum Progress<'a> {
    Picture(Screen),
    Plain { ui: &'a Ui, last: Box<Request>, lost: bool },
}

impl<'a> Progress<'a> {
    fn new(ui: &'a Ui, request: &Request) -> Self {
        if ui.err.is_terminal {
            return Self::Picture(Screen::new(ui.err.colour));
        }
        ui.note(&view::opening(request));
        Self::Plain { ui, last: Box::new(request.clone()), lost: false }
    }

    fn show(&mut self, state: &State, now: Duration) {
        match self {
            Self::Picture(screen) => screen.draw(view::picture(state, now, Screen::columns())),
            Self::Plain { ui, last, lost } => {
                ui.note(&view::changes(last, &state.request));
                **last = state.request.clone();
                match &state.contact {
                    Contact::Lost { why, .. } if !*lost => {
                        ui.note(&[Line::new().text(format!("lost contact, retrying: {why}"))]);
                        *lost = true;
                    }
                    Contact::Good if *lost => {
                        ui.note(&[Line::new().text("contact is back")]);
                        *lost = false;
                    }
                    _ => {}
                }
            }
        }
    }

    fn tick(&mut self, state: &State, now: Duration) {
        if let Self::Picture(_) = self {
            self.show(state, now);
        }
    }
}
