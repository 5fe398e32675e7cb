// What Rayon and Tokio made of their environment, and cargo when it built this.
fn main() {
    let tokio = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    match std::env::args().nth(1).as_deref() {
        Some("rayon") => println!("{}", rayon::current_num_threads()),
        Some("tokio") => println!("{}", workers(&tokio)),
        _ => println!("{}", env!("BUILD_JOBS")),
    }
}

// Threads of this process but its first: the pool's workers all start at once.
fn workers(_running: &tokio::runtime::Runtime) -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count() - 1
}
