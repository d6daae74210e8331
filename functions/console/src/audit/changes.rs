//! The changes of everything but requests, newest first, out of the log: by who, what, of what, and when.
//!
//! The log has no index by these. A page looks at a bounded number of its entries, from where the page before
//! ended, and says where to go on: its cost is that of the page however long the log is.

use countersign_audit::tiles::WIDTH;
use countersign_rules::Timestamp;
use countersign_rules::event::Actor;
use countersign_storage::audit::AuditEvent;
use countersign_storage::feed::{Entry, Recorded};
use countersign_storage::log::{Leaf, LeafTile};
use countersign_storage::{StorageError, Store};

/// How many are shown at the most.
const MOST_SHOWN: usize = 40;
/// Of how many that are read.
const MOST_READ: usize = 400;
/// In how many tiles of 256 entries they are looked for.
const MOST_TILES: usize = 16;
/// How many are read at once.
const AT_ONCE: usize = 50;
/// How long after an event the checkpoint over it is made at the latest, but for what comes late.
const SEALED_AFTER: i64 = 10 * 60_000;

/// Which changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// By whom: a part of an address, in any case, or an id.
    pub(crate) who: Option<String>,
    /// What a kind begins with: `connection.`, or all of it.
    pub(crate) kind: Option<String>,
    /// Of what: an id, or a part of a name, in any case.
    pub(crate) subject: Option<String>,
    /// Not before.
    pub(crate) from: Option<Timestamp>,
    /// Before.
    pub(crate) to: Option<Timestamp>,
    /// Only what stands before that leaf of the log.
    pub(crate) before: Option<u64>,
}

/// A page of them.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Newest first.
    pub(crate) items: Vec<AuditEvent>,
    /// Where the next page begins, as [`Wanted::before`]; none at the end.
    pub(crate) next: Option<u64>,
    /// When the last one that was looked at happened.
    pub(crate) looked_back_to: Option<Timestamp>,
}

impl Wanted {
    fn matches(&self, event: &AuditEvent) -> bool {
        let has = |text: &str, part: &String| text.to_lowercase().contains(&part.to_lowercase());
        let by = |who: &String| match &event.actor {
            Actor::User { id, email } => has(email, who) || id.to_string() == *who,
            Actor::System { system } => has(system, who),
        };
        // A thing is also known by the name or the address that stands in the change.
        let of = |subject: &String| {
            let name = |side: &str, member: &str| event.data.get(side)?.get(member)?.as_str();
            let names =
                ["before", "after"].into_iter().flat_map(|side| [name(side, "name"), name(side, "email")]);
            has(&event.subject, subject) || names.flatten().any(|name| has(name, subject))
        };
        self.who.as_ref().is_none_or(by)
            && self.kind.as_ref().is_none_or(|kind| event.kind.starts_with(kind.as_str()))
            && self.subject.as_ref().is_none_or(of)
            && self.from.is_none_or(|from| event.at >= from)
            && self.to.is_none_or(|to| event.at < to)
    }
}

/// A page of the changes that are in the log.
pub(crate) async fn changes(store: &Store, wanted: &Wanted) -> Result<Changes, StorageError> {
    let mut page = Changes::default();
    let Some(head) = store.log_head().await? else { return Ok(page) };
    // What was sealed before that time happened before it.
    let lowest = match wanted.from {
        Some(from) => size_at(store, head.number, from).await?,
        None => 0,
    };
    let newest = match wanted.to {
        Some(to) => sealed_by(store, head.number, to.plus_millis(SEALED_AFTER)).await?,
        None => None,
    };
    let newest = newest.unwrap_or_else(|| head.tree.size());
    let mut end = wanted.before.map_or(newest, |before| before.min(newest));
    let mut read = 0;
    for _ in 0..MOST_TILES {
        if end <= lowest {
            return Ok(page);
        }
        let index = (end - 1) / WIDTH;
        let LeafTile { leaves, .. } = store.leaf_tile(index).await?;
        let first = index * WIDTH;
        let places = (first..end).zip(leaves).filter(|(place, leaf)| *place >= lowest && leaf.is_change());
        let mut places: Vec<(u64, Leaf)> = places.collect();
        places.reverse();
        for some in places.chunks(AT_ONCE) {
            read += some.len();
            for (place, event) in events(store, some).await? {
                page.looked_back_to = Some(event.at);
                if wanted.matches(&event) {
                    page.items.push(event);
                }
                if page.items.len() >= MOST_SHOWN {
                    page.next = (place > lowest).then_some(place);
                    return Ok(page);
                }
            }
            if let Some((place, _)) = some.last().filter(|_| read >= MOST_READ) {
                page.next = (*place > lowest).then_some(*place);
                return Ok(page);
            }
        }
        end = first;
    }
    page.next = (end > lowest).then_some(end);
    Ok(page)
}

async fn events(store: &Store, leaves: &[(u64, Leaf)]) -> Result<Vec<(u64, AuditEvent)>, StorageError> {
    let entry = |(_, leaf): &(u64, Leaf)| Entry {
        at: Timestamp::from_unix_millis(0),
        pk: leaf.pk.clone(),
        sk: leaf.sk.clone(),
    };
    let entries: Vec<Entry> = leaves.iter().map(entry).collect();
    let found = store.recorded_at(&entries).await?;
    let change = |(recorded, (place, _)): (Recorded, &(u64, Leaf))| match recorded {
        Recorded::Change(event) => Some((*place, *event)),
        Recorded::Commit(..) => None,
    };
    Ok(found.into_iter().zip(leaves).filter_map(change).collect())
}

/// How many events the last checkpoint from before an instant covers.
async fn size_at(store: &Store, newest: u64, at: Timestamp) -> Result<u64, StorageError> {
    let number = first_since(store, newest, at).await?.saturating_sub(1);
    Ok(store.log_checkpoint(number).await?.map_or(0, |checkpoint| checkpoint.tree_size))
}

/// How many events the first checkpoint since an instant covers; none if there is none yet.
async fn sealed_by(store: &Store, newest: u64, at: Timestamp) -> Result<Option<u64>, StorageError> {
    let number = first_since(store, newest, at).await?;
    Ok(store.log_checkpoint(number).await?.map(|checkpoint| checkpoint.tree_size))
}

/// The number of the first checkpoint since an instant; behind the newest if there is none yet. Checkpoints
/// stand in the order of their times, so it takes as many reads as their number has binary digits.
async fn first_since(store: &Store, newest: u64, at: Timestamp) -> Result<u64, StorageError> {
    let (mut low, mut high) = (1, newest + 1);
    while low < high {
        let middle = low.midpoint(high);
        let checkpoint = store.log_checkpoint(middle).await?;
        let is_before = checkpoint
            .and_then(|checkpoint| Timestamp::parse_rfc3339(&checkpoint.at))
            .is_some_and(|made| made < at);
        if is_before { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}
