//! Rows of channels, select and mutex. The nearest to a rendezvous is a channel of one.

use crate::measure::now;
use crate::{Row, Values};
use std::sync::Arc;
use tokio::sync::{mpsc, Mutex};

pub const ROWS: &[Row] = &[
    Row { names: &["rendezvous channel, a round trip"], runs: 3, warm_up: true, once: round_trips },
    Row { names: &["rendezvous channel, a message"], runs: 3, warm_up: true, once: || messages(1) },
    Row { names: &["buffered(128) channel, a message"], runs: 3, warm_up: true, once: || messages(128) },
    Row { names: &["select over two"], runs: 3, warm_up: true, once: selects },
    Row { names: &["mutex, two tasks"], runs: 3, warm_up: true, once: locks },
];

fn round_trips() -> Values {
    Box::pin(async {
        const COUNT: usize = 200_000;
        let (there, mut heard) = mpsc::channel(1);
        let (answer, mut back) = mpsc::channel(1);
        let echo = tokio::spawn(async move {
            while let Some(value) = heard.recv().await {
                answer.send(value).await.unwrap();
            }
        });
        let begin = now();
        for i in 0..COUNT {
            there.send(i).await.unwrap();
            back.recv().await.unwrap();
        }
        let took = now() - begin;
        drop(there);
        echo.await.unwrap();
        vec![took / COUNT as f64]
    })
}

fn messages(capacity: usize) -> Values {
    Box::pin(async move {
        const COUNT: usize = 500_000;
        let (sender, mut receiver) = mpsc::channel(capacity);
        let begin = now();
        let sending = tokio::spawn(async move {
            for i in 0..COUNT {
                sender.send(i).await.unwrap();
            }
        });
        let mut sum = 0;
        while let Some(value) = receiver.recv().await {
            sum += value;
        }
        sending.await.unwrap();
        let took = now() - begin;
        assert_eq!(sum, COUNT / 2 * (COUNT - 1));
        vec![took / COUNT as f64]
    })
}

fn selects() -> Values {
    Box::pin(async {
        const COUNT: usize = 500_000;
        let (even_sender, mut even) = mpsc::channel(128);
        let (odd_sender, mut odd) = mpsc::channel(128);
        let begin = now();
        let sending = tokio::spawn(async move {
            for i in (0..COUNT).step_by(2) {
                even_sender.send(i).await.unwrap();
                odd_sender.send(i + 1).await.unwrap();
            }
        });
        let mut sum = 0;
        for _ in 0..COUNT {
            sum += tokio::select! {
                Some(value) = even.recv() => value,
                Some(value) = odd.recv() => value,
            };
        }
        sending.await.unwrap();
        let took = now() - begin;
        assert_eq!(sum, COUNT / 2 * (COUNT - 1));
        vec![took / COUNT as f64]
    })
}

fn locks() -> Values {
    Box::pin(async {
        const COUNT: usize = 1_000_000;
        async fn some(mutex: Arc<Mutex<usize>>) {
            for _ in 0..COUNT / 2 {
                *mutex.lock().await += 1;
            }
        }
        let mutex = Arc::new(Mutex::new(0));
        let begin = now();
        let a = tokio::spawn(some(mutex.clone()));
        let b = tokio::spawn(some(mutex.clone()));
        a.await.unwrap();
        b.await.unwrap();
        let took = now() - begin;
        assert_eq!(*mutex.lock().await, COUNT);
        vec![took / COUNT as f64]
    })
}
