//! `cargo run --release -p countersign-bench -- COMMAND`

use clap::{Parser, Subcommand};
use countersign_bench::{
    answers, capacity, deliveries, memory, press, scale, sizes, start, throughput, verify,
};

/// Measures what the product costs; docs/performance.md says what each figure means.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// Whether each function of a release answers an event
    Answers(answers::Options),
    /// Round trips and capacity units, by call and for a whole life
    Capacity,
    /// Very many deliveries to a healthy, a flaky and a dead endpoint, over two restarts
    Deliveries(deliveries::Options),
    /// Whole lives per second on the local platform, and the same transactions on the store alone
    Throughput(throughput::Options),
    /// List, show and decide over HTTP with 1,000 stored requests and with 1,000,000
    Scale(scale::Options),
    /// Cold starts of the deployed functions beside a bare hello
    Start(start::Options),
    /// Cold starts of `callback`, each for one press of Approve in Slack, with DynamoDB Local
    Press(press::Options),
    /// Sizes of the deployed functions
    Sizes(sizes::Options),
    /// `countersign audit verify` of an export of 10,000 events, untouched and changed
    Verify(verify::Options),
    /// Peak memory of the deployed functions with commands of 100 KiB
    Memory(memory::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().benchmark {
        Benchmark::Answers(options) => answers::check(&options).await?,
        Benchmark::Capacity => capacity::print(&capacity::measure().await?),
        Benchmark::Deliveries(options) => deliveries::print(&deliveries::measure(&options).await?),
        Benchmark::Throughput(options) => throughput::measure(&options).await?,
        Benchmark::Scale(options) => scale::measure(&options).await?,
        Benchmark::Start(options) => start::measure(&options).await?,
        Benchmark::Press(options) => press::measure(&options).await?,
        Benchmark::Sizes(options) => sizes::measure(&options)?,
        Benchmark::Verify(options) => verify::measure(&options).await?,
        Benchmark::Memory(options) => memory::measure(&options).await?,
    }
    Ok(())
}
