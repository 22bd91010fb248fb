//! The command line: parse, call one function, exit with its code.

fn main() -> std::process::ExitCode {
    countermand::cli::run()
}
