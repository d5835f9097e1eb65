//! The command line as it is documented: the commands that `cli.rs` defines, and those that are
//! recognised before clap is used.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, CommandFactory as _, ValueHint};

use docker_credential_ecrx::cli::{Cli, FOR_ALL};

/// The commands for users. The commands of the credential-helper protocol are not completed.
pub fn for_users() -> Command {
    let command = Cli::command();
    // clap takes names that live as long as the program.
    let words: Vec<&'static str> = command
        .get_subcommands()
        .map(|command| &*command.get_name().to_owned().leak())
        .collect();
    let [version, help] = FOR_ALL.map(|word| Command::new(word.name).about(word.about));
    let json = Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print the result as JSON");
    let of = Arg::new("command")
        .value_name("COMMAND")
        .value_parser(PossibleValuesParser::new(words));
    without_files(command)
        .subcommand(version.arg(json).disable_help_flag(true))
        .subcommand(help.arg(of).disable_help_flag(true))
        .arg(
            Arg::new("version")
                .short('v')
                .long("version")
                .action(ArgAction::SetTrue)
                .help("Print the version"),
        )
}

/// No argument is a file, so shells must not complete files.
fn without_files(command: Command) -> Command {
    command
        .mut_args(|arg| {
            if arg.get_action().takes_values() {
                arg.value_hint(ValueHint::Other)
            } else {
                arg
            }
        })
        .mut_subcommands(without_files)
}
