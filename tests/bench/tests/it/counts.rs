//! The budgets that are counts, and so may fail a test: round trips and capacity units.

use countersign_bench::capacity::{self, MOST_READ_UNITS, MOST_WRITE_UNITS, of_a_life};

#[tokio::test(flavor = "multi_thread")]
async fn a_life_over_http_keeps_to_its_round_trips_and_its_capacity() {
    let steps = capacity::measure().await.unwrap();
    capacity::print(&steps);
    for step in &steps {
        if let Some(most) = step.budget {
            assert!(step.round_trips() <= most, "{}: {:?}", step.name, step.costs);
            assert!(step.round_trips() > 0, "{}: nothing was counted", step.name);
        }
    }
    let life = of_a_life(&steps);
    assert!(life.write_units > 0.0 && life.read_units > 0.0, "the database says what it consumed");
    assert!(life.write_units <= MOST_WRITE_UNITS, "{} write units", life.write_units);
    assert!(life.read_units <= MOST_READ_UNITS, "{} read units", life.read_units);
}
