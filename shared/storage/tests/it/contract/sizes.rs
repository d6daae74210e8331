//! How large items get, and what stands in them that this program does not know.

use aws_sdk_dynamodb::types::AttributeValue;
use countersign_rules::command::Ballot;
use countersign_rules::{Command, RequestId, Status, Via};
use countersign_storage::codec::Item;
use countersign_storage::people::Access;
use countersign_storage::{Key, StorageError};

use crate::contract::people::{connection, user};
use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::{
    Wish, append, approve, asker, claim, create, dana, morning, person, sam, sound, succeed,
};

on_every_database!(
    the_state_of_a_two_group_life_stays_below_one_kilobyte,
    the_largest_command_is_stored_byte_for_byte,
    the_most_groups_with_two_votes_each_fit_into_an_item,
    the_most_votes_with_the_longest_comments_fit_into_an_item,
    an_item_of_a_newer_program_is_not_guessed_at,
    an_item_that_is_garbage_is_corrupt,
);

/// As DynamoDB counts: names and values.
fn size_of(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        other => panic!("`{other:?}` stands in no item of ours"),
    };
    item.iter().map(|(name, one)| name.len() + value(one)).sum()
}

fn pk(id: RequestId) -> String {
    format!("R#{}", id.ulid())
}

async fn state_bytes(database: &Database, id: RequestId) -> usize {
    size_of(&database.raw(&pk(id), "S").await.unwrap())
}

async fn the_state_of_a_two_group_life_stays_below_one_kilobyte(database: &Database) {
    let store = &database.store;
    let mut request = create(store, &Wish::new(1)).await;
    let nonce = "3f1c0a9be2d84e6f93a7c5d1b0e8f264";
    let steps = [
        approve(&dana(), &request),
        approve(&sam(), &request),
        claim(nonce, &request, &[&asker(), &dana(), &sam()], morning().plus_seconds(90)),
        succeed(nonce),
    ];
    for command in steps {
        request = append(store, &request, &command, morning()).await;
        let bytes = state_bytes(database, request.id).await;
        assert!(bytes < 1024, "{bytes} bytes when {}", request.status());
    }
}

/// Text that no compression makes much smaller: any characters beyond the first plane.
fn noise(characters: usize, mut seed: u64) -> String {
    let draw = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_u32(0x1_0000 + u32::try_from(seed >> 44).unwrap_or(0))
    });
    draw.flatten().take(characters).collect()
}

async fn the_largest_command_is_stored_byte_for_byte(database: &Database) {
    let store = &database.store;
    let command = noise(100 * 1024 / 4, 1);
    assert_eq!(command.len(), 100 * 1024);
    let request = create(store, &Wish { command: command.clone(), ..Wish::new(1) }).await;
    let found = store.read("test", &[Key::Created(request.id)]).await.unwrap();
    assert_eq!(found.created(request.id).unwrap().unwrap().command, command);
    assert!(state_bytes(database, request.id).await < 1024, "the state does not carry the command");
    sound(store, request.id).await;
}

/// Names of groups as long as can be.
fn long_names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:0>64}")).collect()
}

/// Every voter is in each group and says that many characters that cannot be compressed.
async fn voted_to_the_end(database: &Database, groups: usize, each: u8, characters: usize) -> usize {
    let store = &database.store;
    let groups = long_names(groups);
    let names: Vec<&str> = groups.iter().map(String::as_str).collect();
    let wish = Wish { approvals_per_group: each, ..Wish::new(1).groups(&names) };
    let mut request = create(store, &wish).await;
    while request.status() == Status::Pending {
        let number = 100 + u32::try_from(request.votes.len()).unwrap();
        let ballot = Ballot::Approve {
            comment: Some(noise(characters, u64::from(number))),
            bounds: countersign_rules::Bounds::default(),
        };
        let voter = person(number, &names);
        let vote = Command::Vote { voter, ballot, digest: request.digest, via: Via::Api };
        request = append(store, &request, &vote, morning()).await;
    }
    assert_eq!((request.status(), request.votes.len()), (Status::Approved, groups.len() * usize::from(each)));
    assert_eq!(sound(store, request.id).await, request);
    state_bytes(database, request.id).await
}

async fn the_most_groups_with_two_votes_each_fit_into_an_item(database: &Database) {
    let bytes = voted_to_the_end(database, 25, 2, 140).await;
    assert!(bytes < 100 * 1024, "{bytes} bytes");
}

async fn the_most_votes_with_the_longest_comments_fit_into_an_item(database: &Database) {
    // 60 approvals are the most that a policy may ask for, 2,000 characters the most of a comment.
    let bytes = voted_to_the_end(database, 20, 3, 2000).await;
    assert!(bytes < 400 * 1024, "{bytes} bytes");
}

async fn an_item_of_a_newer_program_is_not_guessed_at(database: &Database) {
    let store = &database.store;
    let request = create(store, &Wish::new(1)).await;
    let dana = user(1, &[]);
    store.put_user(None, &dana, Access::Changed, None).await.unwrap();
    let prod = connection("prod-db");
    store.put_connection(None, &prod).await.unwrap();
    let places = [
        (pk(request.id), "S".to_owned()),
        (pk(request.id), "E#00000001".to_owned()),
        ("U".to_owned(), dana.id.to_string()),
        ("C".to_owned(), "prod-db".to_owned()),
    ];
    for (pk, sk) in places {
        let mut item = database.raw(&pk, &sk).await.unwrap();
        item.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
        database.put_raw(item).await;
    }
    let newer = |error: StorageError| {
        assert!(matches!(&error, StorageError::Corrupt(why) if why.contains("schema version 2")), "{error}");
    };
    newer(store.load(request.id).await.unwrap_err());
    newer(store.events(request.id).await.unwrap_err());
    newer(store.user(dana.id).await.unwrap_err());
    newer(store.user_by_email(&dana.email).await.unwrap_err());
    newer(store.all_users().await.unwrap_err());
    newer(store.connection(&prod.name).await.unwrap_err());
    newer(store.connections(None, 10).await.unwrap_err());
    newer(store.read("test", &[Key::Created(request.id)]).await.unwrap_err());
}

async fn an_item_that_is_garbage_is_corrupt(database: &Database) {
    let store = &database.store;
    let request = create(store, &Wish::new(1)).await;
    for sk in ["S", "E#00000001"] {
        let mut item = database.raw(&pk(request.id), sk).await.unwrap();
        item.insert("doc".to_owned(), AttributeValue::B(b"no zlib".to_vec().into()));
        database.put_raw(item).await;
    }
    let loaded = store.load(request.id).await;
    assert!(matches!(loaded, Err(StorageError::Corrupt(_))), "{loaded:?}");
    let events = store.events(request.id).await;
    assert!(matches!(events, Err(StorageError::Corrupt(_))), "{events:?}");
}
