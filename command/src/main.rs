//! The `gibbsite` command.

fn main() -> std::process::ExitCode {
    gibbsite_command::main()
}
