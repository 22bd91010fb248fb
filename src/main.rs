//! The command line: parse, call one function, exit with its code.

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    countermand::cli::run()
}
