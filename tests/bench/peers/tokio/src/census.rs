//! Rows of what tasks cost while they wait, and of waking them.

use crate::measure::{now, part, resident, spin, wall};
use crate::{Row, Values};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, Notify};

const MILLION: usize = 1_000_000;

pub const ROWS: &[Row] = &[
    Row {
        names: &["bytes per parked task", "create 1M parked tasks"],
        runs: 1,
        warm_up: false,
        once: parked,
    },
    Row { names: &["bytes per sleeping task"], runs: 1, warm_up: false, once: sleeping },
    Row {
        names: &["wake of a parked thread, p50", "wake of a parked thread, p99"],
        runs: 1,
        warm_up: false,
        once: || wakes(Duration::from_micros(200)),
    },
    Row {
        names: &["wake while a worker spins, p50"],
        runs: 1,
        warm_up: false,
        once: || wakes(Duration::ZERO),
    },
];

fn parked() -> Values {
    Box::pin(async {
        let never = Arc::new(Notify::new());
        let before = resident();
        let begin = now();
        for i in 0..MILLION {
            let never = never.clone();
            tokio::spawn(async move { never.notified().await });
            if i % 100 == 99 {
                tokio::task::yield_now().await;
            }
        }
        tokio::task::yield_now().await;
        let seconds = (now() - begin) / 1e9;
        vec![(resident() - before) / MILLION as f64, seconds]
    })
}

fn sleeping() -> Values {
    Box::pin(async {
        let before = resident();
        for i in 0..MILLION {
            tokio::spawn(async { tokio::time::sleep(Duration::from_secs(3600)).await });
            if i % 100 == 99 {
                tokio::task::yield_now().await;
            }
        }
        tokio::task::yield_now().await;
        vec![(resident() - before) / MILLION as f64]
    })
}

/// An outside thread sends to a task that has waited for the time of pause, and then stays busy for
/// a while, so that the woken one starts elsewhere. Without a pause: 5 us after it went to wait.
fn wakes(pause: Duration) -> Values {
    Box::pin(async move {
        const TIMES: usize = 2000;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let heard = Arc::new(AtomicUsize::new(0));
        let hears = heard.clone();
        let sending = std::thread::spawn(move || {
            for i in 0..TIMES {
                while heard.load(Ordering::Acquire) < i {
                    std::hint::spin_loop();
                }
                if pause.is_zero() {
                    spin(5e3);
                } else {
                    std::thread::sleep(pause);
                }
                sender.send(wall()).unwrap();
                spin(100e3);
            }
        });
        let mut took = Vec::with_capacity(TIMES);
        while let Some(sent) = receiver.recv().await {
            took.push((wall() - sent) / 1e3);
            hears.fetch_add(1, Ordering::Release);
        }
        sending.join().unwrap();
        vec![part(took.clone(), 50), part(took, 99)]
    })
}
