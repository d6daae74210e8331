//! A period is one item of the table, and an item may have 400 KB.

use countersign_rules::{RequestId, Timestamp, UserId};
use countersign_statistics::Rollup;
use countersign_statistics::rollup::{Counts, Deciding, MOST_NAMES, MOST_SHAPES};
use countersign_statistics::spread::Spread;
use countersign_storage::codec::compress;

const MOST_BYTES: usize = 300_000;

/// Numbers that do not compress, the same ones each time: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn name(&mut self, letters: usize) -> String {
        (0..letters).map(|_| char::from(b'a' + u8::try_from(self.below(26)).unwrap())).collect()
    }

    fn user(&mut self) -> UserId {
        let id =
            RequestId::from_parts(Timestamp::from_unix_millis(1_790_000_000_000), u128::from(self.next()));
        format!("usr_{}", id.ulid()).parse().unwrap()
    }

    /// A thousand times between a second and a month, as far from each other as can be.
    fn times(&mut self) -> Spread {
        let mut times = Spread::default();
        for _ in 0..1000 {
            let part = f64::from(u32::try_from(self.below(1_000_000)).unwrap()) / 1e6;
            times.add((part * 2.6e6_f64.ln()).exp());
        }
        times
    }

    fn counts(&mut self) -> Counts {
        Counts {
            submitted: 1000 + self.below(1000),
            blocked: self.below(100),
            approved: 600 + self.below(400),
            automatic: self.below(100),
            rejected: self.below(300),
            expired: self.below(300),
            undecided: self.below(100),
            cancelled: self.below(100),
            succeeded: self.below(900),
            failed: self.below(100),
            unknown: self.below(10),
            reopened: self.below(10),
        }
    }

    fn deciding(&mut self) -> Deciding {
        let email = format!("{}@example.com", self.name(16));
        Deciding { email, approvals: self.below(1000), rejections: self.below(1000), times: self.times() }
    }
}

/// A million requests of a thousand people on a thousand connections, reviewed by a thousand people in a
/// thousand groups, whose times all differ, and commands of which no two are alike.
fn the_most() -> Rollup {
    let mut random = Random(7);
    let mut month = Rollup::default();
    for _ in 0..1000 {
        let connection = month.connections.entry(random.name(20)).or_default();
        connection.counts = random.counts();
        connection.decisions = random.times();
        let email = format!("{}@example.com", random.name(16));
        let asking = month.requesters.entry(random.user()).or_default();
        asking.email = email;
        asking.counts = random.counts();
        asking.decisions = random.times();
        let deciding = random.deciding();
        month.reviewers.insert(random.user(), deciding);
        let deciding = Deciding { email: String::new(), ..random.deciding() };
        month.groups.insert(random.name(20), deciding);
        let shape: Vec<String> = (0..40).map(|_| random.name(6)).collect();
        month.shapes.insert(format!("postgres\n{}", shape.join(" ")), random.below(1000));
    }
    for day in 1..=31 {
        let part = month.days.entry(format!("2026-10-{day:02}")).or_default();
        (part.counts, part.decisions) = (random.counts(), random.times());
    }
    for hour in 0..24 {
        let part = month.hours.entry(hour).or_default();
        (part.counts, part.decisions) = (random.counts(), random.times());
    }
    month
}

#[test]
fn the_numbers_of_a_month_fit_into_an_item_however_many_people_and_connections_there_are() {
    let month = the_most().trimmed();
    assert_eq!((month.connections.len(), month.requesters.len()), (MOST_NAMES, MOST_NAMES));
    assert_eq!((month.reviewers.len(), month.groups.len()), (MOST_NAMES, MOST_NAMES));
    assert_eq!(month.shapes.len(), MOST_SHAPES);
    let stored = compress(&serde_json::to_vec(&month).unwrap()).unwrap().len();
    assert!(stored < MOST_BYTES, "{stored} bytes");
    // What is stored is that large because of what it holds, and not because little was put in.
    assert!(stored > 150_000, "{stored} bytes");
    let read: Rollup = serde_json::from_slice(&serde_json::to_vec(&month).unwrap()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&month).unwrap());
}
