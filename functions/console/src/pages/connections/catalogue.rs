//! The catalogue of a connection's database: its age, and the button that reads it again.

use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::App;
use countersign_app::catalogue::{self, CatalogueReport};
use countersign_http::Problem;
use countersign_rules::display::display;
use countersign_storage::Connection;
use http::HeaderMap;
use maud::{Markup, html};

use super::super::connection_form::{Draft, Outcome};
use super::super::viewer::Viewer;
use super::super::words;
use super::{find_to_change, page};
use crate::Console;

/// Reads it again.
pub(crate) async fn refresh(
    State(console): State<Console>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let app = &console.app;
    let (viewer, connection) = find_to_change(app, &headers, &name).await?;
    let report = console.read_catalogue(connection.name.clone()).await?;
    let (draft, nothing) = (Draft::of(&connection), Outcome::default());
    page(app, &viewer, Some(&connection), &draft, &nothing, outcome(&report)).await
}

fn outcome(report: &CatalogueReport) -> Markup {
    html! {
        @match &report.error {
            Some(error) => div.notice.bad role="alert" { strong { "The catalogue cannot be read: " } (display(error)) },
            None => div.notice.good role="status" { "The catalogue was read: " (contents(report)) "." },
        }
    }
}

fn contents(report: &CatalogueReport) -> String {
    format!("{} tables and views, {} functions, {} types", report.tables, report.functions, report.types)
}

/// What is known of the database, on a connection that has a secret to read it with.
pub(super) async fn section(app: &App, viewer: &Viewer, connection: &Connection) -> Markup {
    if catalogue::source(connection).is_none() {
        return html! {};
    }
    let stored = app.store.catalogue(&connection.name).await.ok().flatten();
    let report = catalogue::current(connection, stored).map(|stored| CatalogueReport::of(&stored));
    html! {
        section.card aria-labelledby="catalogue" {
            h2 #catalogue { "Catalogue of the database" }
            @match &report {
                None => p { "Not read yet. A request that needs it reads it." },
                Some(report) => {
                    p {
                        (contents(report))
                        @if let Some(server) = &report.server { " of " (display(server)) }
                        @if let Some(at) = report.read_at { ", read " (words::at(at)) }
                        ". It is read again when it is older than a day."
                    }
                    @if !report.left_out.is_empty() {
                        p.notice.wait { "Left out: " (report.left_out.join(", ")) }
                    }
                }
            }
            form method="post" action={ "/connections/" (connection.name) "/refresh" } {
                (viewer.csrf())
                button.plain type="submit" { "Read it again" }
            }
        }
    }
}
