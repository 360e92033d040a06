//! The `palisade` program.

use tikv_jemallocator::Jemalloc;

// Many short requests beside connections that live long: glibc's allocator keeps what the former leave
// behind the latter.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> std::process::ExitCode {
    palisade::cli::run()
}
