//! Output of executions.

use countersign_storage::codec;
use countersign_storage::requests::{Aside, OutputPiece, PIECE_BYTES, SoFar};

use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::{
    Wish, append, approve, asker, claim, create, dana, morning, next, sound, succeed,
};

on_every_database!(
    small_output_stands_with_the_event_that_names_it,
    pieces_of_output_are_stored_by_number_and_may_be_stored_again,
    a_piece_that_cannot_be_compressed_still_fits,
);

async fn small_output_stands_with_the_event_that_names_it(database: &Database) {
    let store = &database.store;
    let request = create(store, &Wish::new(1).groups(&["dba-team"])).await;
    let request = append(store, &request, &approve(&dana(), &request), morning()).await;
    let claimed = claim("one", &request, &[&asker(), &dana()], morning().plus_seconds(60));
    let request = append(store, &request, &claimed, morning()).await;
    let (after, events) = next(&request, &succeed("one"), morning());
    let aside = Aside { output: Some(codec::compress(b"DELETE 1\n").unwrap()), ..Aside::default() };
    store.append(&request, &after, &events, &aside).await.unwrap();
    let expected = OutputPiece { bytes: b"DELETE 1\n".to_vec(), ..OutputPiece::default() };
    assert_eq!(store.output(request.id, 0, after.version).await.unwrap(), Some(expected));
    assert_eq!(store.output(request.id, 0, request.version).await.unwrap(), None);
    assert_eq!(store.output(request.id, 1, after.version).await.unwrap(), None);
    assert_eq!(sound(store, request.id).await, after);
}

async fn pieces_of_output_are_stored_by_number_and_may_be_stored_again(database: &Database) {
    let store = &database.store;
    let request = create(store, &Wish::new(1)).await;
    let piece = |number: u32, goes_on| OutputPiece {
        bytes: format!("row {number}\n").repeat(1000).into_bytes(),
        context: format!("id,name,{number}"),
        goes_on,
        so_far: goes_on.then_some(SoFar { rows: 1000, bytes: 6000 }),
    };
    for number in [1, 2, 10] {
        store.put_output(request.id, number, &piece(99, true)).await.unwrap();
        store.put_output(request.id, number, &piece(number, number == 2)).await.unwrap();
    }
    for number in [1, 2, 10] {
        let stored = store.output(request.id, number, 1).await.unwrap();
        assert_eq!(stored, Some(piece(number, number == 2)));
    }
    assert_eq!(store.output(request.id, 3, 1).await.unwrap(), None);
    // Output is no event.
    assert_eq!(sound(store, request.id).await, request);
}

async fn a_piece_that_cannot_be_compressed_still_fits(database: &Database) {
    let store = &database.store;
    let request = create(store, &Wish::new(1)).await;
    let mut seed = 1u64;
    let noise = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed.to_be_bytes()[0]
    });
    let piece = OutputPiece { bytes: noise.take(PIECE_BYTES).collect(), ..OutputPiece::default() };
    store.put_output(request.id, 1, &piece).await.unwrap();
    assert_eq!(store.output(request.id, 1, 1).await.unwrap(), Some(piece));
}
