//! Tokio's side of the runtime benchmarks: each row measured as tests/bench/runtime_micro measures it.
//!
//!     peer THREADS ROW     prints "ROW VALUE" lines, in the row's unit
//!     peer echo            serves TCP echo on one thread, prints its port
//!     peer rows            names the rows

mod census;
mod channels;
mod echo;
mod measure;
mod tasks;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;

pub type Values = Pin<Box<dyn Future<Output = Vec<f64>> + Send>>;

/// Measures `runs` times and prints medians; repeated ones are run once more, unseen, to warm up.
pub struct Row {
    pub names: &'static [&'static str],
    pub runs: usize,
    pub warm_up: bool,
    pub once: fn() -> Values,
}

fn run(runtime: &tokio::runtime::Runtime, row: &Row) {
    let once = || runtime.block_on(async { tokio::spawn((row.once)()).await.unwrap() });
    if row.warm_up {
        once();
    }
    let all: Vec<Vec<f64>> = (0..row.runs).map(|_| once()).collect();
    for (column, name) in row.names.iter().enumerate() {
        let values = all.iter().map(|values| values[column]).collect();
        println!("{} {}", name, measure::part(values, 50));
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let threads = match words.as_slice() {
        [threads, _] => threads.parse().unwrap(),
        _ => 1,
    };
    let rows = || tasks::ROWS.iter().chain(channels::ROWS).chain(census::ROWS);
    measure::THREADS.store(threads, Ordering::Relaxed);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap();
    match words.as_slice() {
        ["echo"] => runtime.block_on(async { tokio::spawn(echo::serve()).await.unwrap() }),
        ["rows"] => rows().for_each(|row| println!("{}", row.names.join("\n"))),
        // A row that Tokio has no like of prints nothing.
        [_, name] => rows()
            .filter(|row| row.names.contains(name))
            .for_each(|row| run(&runtime, row)),
        _ => {
            eprintln!("usage: peer THREADS ROW | echo | rows");
            std::process::exit(2);
        }
    }
}
