//! Rows of tasks: spawn, join, yield, sleep.

use crate::measure::{cpu, now, wall};
use crate::{Row, Values};
use std::time::Duration;
use tokio::task::JoinHandle;

pub const ROWS: &[Row] = &[
    Row { names: &["spawn and join, batches of 100"], runs: 3, warm_up: true, once: batches },
    Row { names: &["spawn one, await it"], runs: 3, warm_up: true, once: spawn_await },
    Row { names: &["spawn 1M, then join all, a task"], runs: 1, warm_up: true, once: flat },
    Row { names: &["fork-join fib, a fork"], runs: 3, warm_up: true, once: fork_join },
    Row { names: &["skynet 1M"], runs: 1, warm_up: true, once: skynet },
    Row { names: &["yield, a switch"], runs: 3, warm_up: true, once: yields },
    Row {
        names: &["1M random sleeps over 1 s, CPU", "1M random sleeps over 1 s, wall"],
        runs: 1,
        warm_up: false,
        once: naps,
    },
];

fn batches() -> Values {
    Box::pin(async {
        const COUNT: usize = 200_000;
        let begin = now();
        let mut handles = Vec::with_capacity(100);
        for _ in 0..COUNT / 100 {
            handles.extend((0..100).map(|_| tokio::spawn(async {})));
            for handle in handles.drain(..) {
                handle.await.unwrap();
            }
        }
        vec![(now() - begin) / COUNT as f64]
    })
}

fn spawn_await() -> Values {
    Box::pin(async {
        const COUNT: usize = 200_000;
        let begin = now();
        for _ in 0..COUNT {
            tokio::spawn(async {}).await.unwrap();
        }
        vec![(now() - begin) / COUNT as f64]
    })
}

fn flat() -> Values {
    Box::pin(async {
        const COUNT: usize = 1_000_000;
        let mut handles: Vec<JoinHandle<()>> = Vec::with_capacity(COUNT);
        let begin = now();
        handles.extend((0..COUNT).map(|_| tokio::spawn(async {})));
        for handle in handles {
            handle.await.unwrap();
        }
        vec![(now() - begin) / COUNT as f64]
    })
}

fn fib(n: u64) -> std::pin::Pin<Box<dyn std::future::Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let other = tokio::spawn(fib(n - 1));
        let mine = fib(n - 2).await;
        mine + other.await.unwrap()
    })
}

fn fork_join() -> Values {
    Box::pin(async {
        let begin = now();
        assert_eq!(fib(27).await, 196418);
        vec![(now() - begin) / 317_810.0] // the forks of fib(27)
    })
}

fn sky(base: u64, size: u64) -> std::pin::Pin<Box<dyn std::future::Future<Output = u64> + Send>> {
    Box::pin(async move {
        if size == 1 {
            return base;
        }
        let part = size / 10;
        let parts: Vec<_> = (0..10).map(|i| tokio::spawn(sky(base + i * part, part))).collect();
        let mut sum = 0;
        for part in parts {
            sum += part.await.unwrap();
        }
        sum
    })
}

fn skynet() -> Values {
    Box::pin(async {
        let begin = now();
        assert_eq!(sky(0, 1_000_000).await, 499999500000);
        vec![(now() - begin) / 1e6]
    })
}

fn yields() -> Values {
    Box::pin(async {
        const COUNT: usize = 1_000_000;
        async fn some() {
            for _ in 0..COUNT / 2 {
                tokio::task::yield_now().await;
            }
        }
        let begin = now();
        let (a, b) = (tokio::spawn(some()), tokio::spawn(some()));
        a.await.unwrap();
        b.await.unwrap();
        vec![(now() - begin) / COUNT as f64]
    })
}

fn naps() -> Values {
    Box::pin(async {
        const COUNT: usize = 1_000_000;
        let (begin_wall, begin_cpu) = (wall(), cpu());
        let mut random: u32 = 12345;
        let mut handles = Vec::with_capacity(COUNT);
        for _ in 0..COUNT {
            random = random.wrapping_mul(1664525).wrapping_add(1013904223);
            let delay = Duration::from_nanos(u64::from(random % 1_000_000_000));
            handles.push(tokio::spawn(async move { tokio::time::sleep(delay).await }));
        }
        for handle in handles {
            handle.await.unwrap();
        }
        vec![(cpu() - begin_cpu) / 1e9, (wall() - begin_wall) / 1e9]
    })
}
