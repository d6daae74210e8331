//! What saving an account would take away from others.

use countersign_app::losses::Losses;
use countersign_storage::User;
use maud::{Markup, html};

use super::draft::Draft;
use crate::pages::{proposal, words};

/// More requests than that are not named.
const NAMED: usize = 8;

/// In words, one for each connection, and how many requests wait.
pub(super) fn meaning(losses: &Losses) -> Vec<String> {
    let connections = losses
        .connections
        .iter()
        .map(|lost| format!("Then on `{}` {}", lost.connection, lost.warnings.join("; ")));
    let waiting = match (losses.waiting.len(), losses.more) {
        (0, _) => None,
        (1, false) => Some("1 request that waits now could then be approved by nobody.".to_owned()),
        (many, false) => Some(format!("{many} requests that wait now could then be approved by nobody.")),
        (many, true) => {
            Some(format!("{many} or more requests that wait now could then be approved by nobody."))
        }
    };
    connections.chain(waiting).collect()
}

/// Shows it, with the button that saves it all the same.
pub(super) fn effects(before: &User, draft: &Draft, losses: &Losses) -> Markup {
    html! {
        section.card role="status" aria-labelledby="effects" {
            h2 #effects { "If you save this" }
            (proposal::table(&changes(before, draft)))
            ul.notes { @for sentence in meaning(losses) { li { (words::ticked(&sentence)) } } }
            @if !losses.waiting.is_empty() {
                p.small { "They wait: "
                    @for (number, id) in losses.waiting.iter().take(NAMED).enumerate() { @if number > 0 { ", " } a href={ "/requests/" (id) } { (id) } }
                    @if losses.waiting.len() > NAMED { " and more" }
                }
            }
            p.actions { button type="submit" form="person" { "Save this" } }
        }
    }
}

fn changes(before: &User, draft: &Draft) -> Vec<proposal::Row> {
    let was = Draft::of(before);
    let list = |draft: &Draft| {
        let groups: Vec<&str> = draft.groups.iter().map(|group| group.as_str()).collect();
        if groups.is_empty() { "none".to_owned() } else { groups.join(", ") }
    };
    let roles = |draft: &Draft| {
        let roles: Vec<&str> =
            draft.roles.iter().map(|role| crate::pages::people::role_name(*role)).collect();
        if roles.is_empty() { "none".to_owned() } else { roles.join(", ") }
    };
    let disabled = |draft: &Draft| if draft.disabled { "yes".to_owned() } else { "no".to_owned() };
    let rows = [
        ("e-mail", was.email.clone(), draft.email.clone()),
        ("name", was.name.clone(), draft.name.clone()),
        ("groups", list(&was), list(draft)),
        ("roles", roles(&was), roles(draft)),
        ("disabled", disabled(&was), disabled(draft)),
    ];
    let differ = rows.into_iter().filter(|(_, was, is)| was != is);
    differ.map(|(name, was, is)| (name.to_owned(), was, is)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_app::losses::Lost;
    use countersign_rules::{RequestId, Timestamp};

    #[test]
    fn what_is_lost_is_said_by_connection_and_by_number() {
        let request = |number| RequestId::from_parts(Timestamp::from_unix_millis(0), number);
        let lost = Lost { connection: "demo-dual".parse().unwrap(), warnings: vec!["a".into(), "b".into()] };
        let mut losses = Losses { connections: vec![lost], ..Losses::default() };
        assert_eq!(meaning(&losses), ["Then on `demo-dual` a; b"]);
        losses.waiting = [request(1), request(2)].into();
        assert_eq!(meaning(&losses)[1], "2 requests that wait now could then be approved by nobody.");
        losses.more = true;
        assert!(meaning(&losses)[1].starts_with("2 or more requests"));
    }
}
