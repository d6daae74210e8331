//! Verifies an export, line by line, and says where it is not what the log was.
//!
//! Every byte is held by something: each line must be the RFC 8785 form of its object; events by their
//! hash, the hashes by the tree, the tree by the signed checkpoints, those by each other, the first line
//! by the signatures and the last one by the count. What was cut off an end that was written anew is only
//! seen by an older checkpoint that covers more.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use crate::checkpoint::canonical;
use crate::record::{FORMAT, audit_hash, event_hash, leaf_hash};
use crate::tree::Frontier;
use crate::{Checkpoint, Finding, Hash, PublicKey, Report};

/// An event of a request, for its chain.
struct Link {
    previous: Option<Hash>,
    stated: Hash,
    computed: Hash,
}

/// Takes an export line by line.
#[derive(Default)]
pub struct Verifier {
    trusted: Vec<PublicKey>,
    older: Option<Checkpoint>,
    older_seen: bool,
    findings: Vec<Finding>,
    line: u64,
    began: bool,
    ended: bool,
    origin: String,
    keys: BTreeMap<String, (PublicKey, bool)>,
    next_leaf: u64,
    missing: Vec<Range<u64>>,
    frontier: Frontier,
    /// Whether the frontier is still that of the log: what comes after a break cannot be compared.
    whole: bool,
    /// Whether an event since the last checkpoint is known to be altered.
    doubtful: bool,
    chains: BTreeMap<String, BTreeMap<u64, Link>>,
    checkpoints: u64,
    latest: Option<Checkpoint>,
}

impl Verifier {
    /// A verifier that trusts the keys in the export, unless it is given others, and holds the export
    /// against an older checkpoint, if it is given one.
    #[must_use]
    pub fn new(trusted: impl IntoIterator<Item = PublicKey>, older: Option<Checkpoint>) -> Self {
        Self { trusted: trusted.into_iter().collect(), older, whole: true, ..Self::default() }
    }

    /// Takes the next line, with its line end; one without is cut.
    pub fn line(&mut self, line: &[u8]) {
        self.line += 1;
        let Some(text) = line.strip_suffix(b"\n") else {
            self.findings.push(Finding::Cut("its last line has no end".to_owned()));
            return self.object(line);
        };
        self.object(text);
    }

    fn wrong(&mut self, why: &'static str) {
        self.findings.push(Finding::Line { line: self.line, why });
    }

    fn object(&mut self, text: &[u8]) {
        let Ok(value) = serde_json::from_slice::<Value>(text) else {
            return self.wrong("it is no JSON");
        };
        if canonical(&value) != text {
            self.wrong("it is not in the form in which it was written (RFC 8785)");
        }
        if self.ended {
            return self.wrong("it stands behind the end");
        }
        let Some(members) = value.as_object() else { return self.wrong("it is no object") };
        let names: Vec<&str> = members.keys().map(String::as_str).collect();
        match names.as_slice() {
            ["export"] if !self.began && self.line == 1 => self.first(&value),
            ["event", "leaf", "request_id"] | ["audit", "leaf"] => self.leaf(&value),
            ["checkpoint"] => self.checkpoint(&value),
            ["end"] => self.last(&value),
            _ => self.wrong("it is none of an export's lines, or not in its place"),
        }
    }

    fn first(&mut self, line: &Value) {
        self.began = true;
        if line.pointer("/export/format").and_then(Value::as_str) != Some(FORMAT) {
            self.wrong("it is not the format that this program knows");
        }
        self.origin = line.pointer("/export/origin").and_then(Value::as_str).unwrap_or_default().to_owned();
        let exact = line.get("export").and_then(Value::as_object).is_some_and(|members| members.len() == 3);
        let keys = line.pointer("/export/keys").and_then(Value::as_array);
        if keys.is_none() || !exact {
            self.wrong("it does not have exactly the members format, keys and origin");
        }
        for key in keys.into_iter().flatten() {
            match key.as_str().and_then(|key| key.parse::<PublicKey>().ok()) {
                Some(key) => drop(self.keys.insert(key.id(), (key, false))),
                None => self.wrong("one of its keys is none"),
            }
        }
    }

    fn leaf(&mut self, line: &Value) {
        let Some(leaf) = line.get("leaf").and_then(Value::as_u64) else {
            return self.wrong("its leaf is no number");
        };
        let (event, computed, what) = match line.get("event") {
            Some(event) => {
                let request = line.get("request_id").and_then(Value::as_str).unwrap_or_default();
                let seq = event.get("seq").and_then(Value::as_u64).unwrap_or_default();
                (event, event_hash(request, event), format!("event {seq} of {request}"))
            }
            None => {
                let event = line.get("audit").unwrap_or(&Value::Null);
                let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
                (event, audit_hash(event), kind.to_owned())
            }
        };
        let hash = |name| event.get(name).and_then(Value::as_str).and_then(Hash::parse);
        let stated = hash("hash").unwrap_or(computed);
        if hash("hash") != Some(computed) {
            self.doubtful = true;
            self.findings.push(Finding::Altered { line: self.line, leaf, what });
        }
        self.place(leaf);
        self.frontier.push(leaf_hash(&stated));
        if let (Some(request), Some(seq)) =
            (line.get("request_id").and_then(Value::as_str), event.get("seq").and_then(Value::as_u64))
        {
            let link = Link { previous: hash("prev_hash"), stated, computed };
            self.chains.entry(request.to_owned()).or_default().insert(seq, link);
        }
        self.meet_older();
    }

    /// Where a leaf stands among those that came.
    fn place(&mut self, leaf: u64) {
        if leaf == self.next_leaf {
            self.next_leaf += 1;
            return;
        }
        self.whole = false;
        if leaf > self.next_leaf {
            self.missing.push(self.next_leaf..leaf);
            self.next_leaf = leaf.saturating_add(1);
            return;
        }
        let line = self.line;
        match self.missing.iter().position(|range| range.contains(&leaf)) {
            Some(at) => {
                let range = self.missing.swap_remove(at);
                let rest = [range.start..leaf, leaf + 1..range.end];
                self.missing.extend(rest.into_iter().filter(|range| !range.is_empty()));
                self.findings.push(Finding::Reordered { line, leaf });
            }
            None => self.findings.push(Finding::Repeated { line, leaf }),
        }
    }

    fn checkpoint(&mut self, line: &Value) {
        let read = line.get("checkpoint").cloned().unwrap_or_default();
        let Ok(checkpoint) = serde_json::from_value::<Checkpoint>(read) else {
            return self.wrong("its checkpoint is none");
        };
        let (number, line) = (checkpoint.number, self.line);
        let mut wrong = Vec::new();
        match self.keys.get_mut(&checkpoint.key) {
            None => wrong.push("it is signed by a key that the first line does not name"),
            Some((key, used)) => {
                *used = true;
                if !checkpoint.is_signed_by(key) {
                    wrong.push("it was altered: the signature does not fit");
                }
            }
        }
        if checkpoint.origin != self.origin {
            wrong.push("it is of another log than the first line names");
        }
        let expected = self.latest.as_ref().map_or(1, |latest| latest.number.saturating_add(1));
        let previous = self.latest.as_ref().map_or(Hash::ZERO, Checkpoint::hash);
        match number {
            number if number == expected => {
                if checkpoint.previous != previous {
                    wrong.push("it does not carry the hash of the one before it");
                }
            }
            number if number > expected => {
                self.findings.push(Finding::CheckpointsRemoved(expected..number));
            }
            _ => wrong.push("it is not in its place: it was reordered or repeated"),
        }
        if checkpoint.tree_size != self.next_leaf {
            wrong.push("it covers another number of events than stand before it");
            self.whole = false;
        }
        self.findings.extend(wrong.iter().map(|why| Finding::Checkpoint { line, number, why }));
        if self.whole && wrong.is_empty() && checkpoint.root != self.frontier.root() {
            // After this the tree is another one, and no later root can be compared.
            self.whole = false;
            if !self.doubtful {
                let since = self.latest.as_ref().map_or(0, |latest| latest.tree_size);
                self.findings.push(Finding::Root { number, events: since..checkpoint.tree_size });
            }
        }
        self.doubtful = false;
        self.checkpoints += 1;
        if number >= expected {
            self.latest = Some(checkpoint);
        }
    }

    /// Compares with the older checkpoint when there are as many events as it covers.
    fn meet_older(&mut self) {
        let Some(older) = &self.older else { return };
        if older.tree_size != self.next_leaf || self.older_seen {
            return;
        }
        self.older_seen = true;
        if self.whole && older.root != self.frontier.root() {
            let why = format!(
                "the first {} events are not those that checkpoint {} of {} covers",
                older.tree_size, older.number, older.at
            );
            self.findings.push(Finding::Older(why));
        }
    }

    fn last(&mut self, line: &Value) {
        self.ended = true;
        let end = line.get("end").and_then(Value::as_object);
        let number = |name: &str| end.and_then(|end| end.get(name)).and_then(Value::as_u64);
        let latest = end.and_then(|end| end.get("latest")).and_then(Value::as_str).and_then(Hash::parse);
        if end.map(serde_json::Map::len) != Some(3) || latest.is_none() {
            self.wrong("it does not have exactly the members checkpoints, latest and leaves");
        }
        let (leaves, checkpoints) = (self.next_leaf, self.checkpoints);
        for (name, there, said) in
            [("events", leaves, number("leaves")), ("checkpoints", checkpoints, number("checkpoints"))]
        {
            if said != Some(there) {
                let said = said.unwrap_or_default();
                self.findings.push(Finding::Cut(format!("{there} {name} are there, its end says {said}")));
            }
        }
        let last = self.latest.as_ref().map_or(Hash::ZERO, Checkpoint::hash);
        if latest.is_some_and(|latest| latest != last) {
            self.findings.push(Finding::Cut("its end names another last checkpoint".to_owned()));
        }
    }

    /// What is to be said when every line has come.
    #[must_use]
    pub fn finish(mut self) -> Report {
        if !self.began {
            self.findings
                .push(Finding::Cut("it does not begin with the line that an export begins with".to_owned()));
        }
        if !self.ended {
            self.findings.push(Finding::Cut("its last line is not there".to_owned()));
        }
        let covered = self.latest.as_ref().map_or(0, |latest| latest.tree_size);
        if self.next_leaf > covered && self.next_leaf > 0 {
            let why = format!("no checkpoint covers the events from {covered} on");
            self.findings.push(Finding::Cut(why));
        }
        let missing = std::mem::take(&mut self.missing);
        self.findings.extend(missing.into_iter().map(Finding::Removed));
        let notes = self.links();
        self.check_older();
        for (key, used) in self.keys.values() {
            if !used {
                let why = "it names a key that signed none of the checkpoints";
                self.findings.push(Finding::Line { line: 1, why });
            }
            if !self.trusted.is_empty() && !self.trusted.contains(key) {
                let expected = self.trusted.iter().map(PublicKey::id).collect::<Vec<_>>().join(" or ");
                self.findings.push(Finding::Key { expected });
            }
        }
        Report {
            findings: self.findings,
            notes,
            events: self.next_leaf,
            checkpoints: self.checkpoints,
            latest: self.latest,
            keys: self.keys.into_keys().collect(),
        }
    }

    fn check_older(&mut self) {
        let Some(older) = &self.older else { return };
        let mut whys = Vec::new();
        if !self.keys.get(&older.key).is_some_and(|(key, _)| older.is_signed_by(key)) {
            whys.push(format!("checkpoint {} is not signed by a key of this export", older.number));
        }
        if older.origin != self.origin {
            whys.push(format!("it is of the log `{}`, this is `{}`", older.origin, self.origin));
        }
        if older.tree_size > self.next_leaf {
            whys.push(format!(
                "the export was cut: it has {} events, checkpoint {} of {} covers {}",
                self.next_leaf, older.number, older.at, older.tree_size
            ));
        }
        self.findings.extend(whys.into_iter().map(Finding::Older));
    }

    /// The chains of the requests. An event may be sealed behind the one that follows it, so they are
    /// looked at in the end.
    fn links(&mut self) -> Vec<String> {
        let mut notes = Vec::new();
        for (request, chain) in &self.chains {
            let mut before: Option<(u64, &Link)> = None;
            for (seq, link) in chain {
                let follows = before.map_or(1, |(seq, _)| seq.saturating_add(1));
                if *seq != follows {
                    notes.push(format!(
                        "event {follows} of {request} is not there, event {seq} is: it is sealed later, or was removed"
                    ));
                } else {
                    let fits = match before {
                        None => link.previous == Some(Hash::ZERO),
                        Some((_, before)) => {
                            link.previous == Some(before.stated) || link.previous == Some(before.computed)
                        }
                    };
                    let altered = link.stated != link.computed;
                    if !fits && !altered {
                        self.findings.push(Finding::Link { request: request.clone(), seq: *seq });
                    }
                }
                before = Some((*seq, link));
            }
        }
        notes
    }
}
