//! Clocks, memory and medians.

use std::sync::atomic::{AtomicUsize, Ordering};

pub static THREADS: AtomicUsize = AtomicUsize::new(1);

fn read(clock: libc::clockid_t) -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // Safe: both clocks exist, and time outlives the call.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

pub fn wall() -> f64 {
    read(libc::CLOCK_MONOTONIC)
}

pub fn cpu() -> f64 {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// On one thread CPU time, which other programs cannot stretch; on more the wall's.
pub fn now() -> f64 {
    if THREADS.load(Ordering::Relaxed) == 1 {
        cpu()
    } else {
        wall()
    }
}

pub fn spin(ns: f64) {
    let begin = wall();
    while wall() - begin < ns {
        std::hint::spin_loop();
    }
}

pub fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096.0
}

pub fn part(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values[values.len() * percent / 100]
}
