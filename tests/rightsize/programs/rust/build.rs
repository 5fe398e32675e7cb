// What cargo made of its environment: a build script is told how many jobs there are.
fn main() {
    println!("cargo:rustc-env=BUILD_JOBS={}", std::env::var("NUM_JOBS").unwrap());
    println!("cargo:rerun-if-env-changed=CARGO_BUILD_JOBS");
}
