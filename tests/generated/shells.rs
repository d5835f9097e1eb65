//! The real shells load the output of `completions` and complete with it; `mandoc` reads the pages.

use std::path::{Path, PathBuf};

use super::common::TestEnvironment;
use super::common::pty::{Place, Terminal};
use super::{PAGES, PROGRAM, packaging};

/// The only registry of the configuration.
const REGISTRY: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// The completions of `con<TAB>`.
const COMPLETED: [&str; 2] = ["config", "configure-docker"];

/// An environment whose folder holds what the program prints for a shell, under this name.
fn with(shell: &str, file: &str) -> (TestEnvironment, PathBuf) {
    let mut environment = TestEnvironment::new();
    let program = std::path::Path::new(super::common::PROGRAM);
    let programs = program.parent().expect("a folder").display();
    environment.set("PATH", &format!("{programs}:/usr/local/bin:/usr/bin:/bin"));
    environment.aws_config("[profile work]\n");
    environment.config("[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"work\"\n");
    let printed = environment.run(&["completions", shell], "");
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    let path = environment.write(file, &printed.stdout);
    (environment, path)
}

/// The lines that a program prints, in order.
#[track_caller]
fn lines(environment: &TestEnvironment, program: &str, arguments: &[&str]) -> Vec<String> {
    let outcome = environment.run_program(program, arguments, "");
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(0), ""),
        "{outcome:?}"
    );
    let mut lines: Vec<String> = outcome.stdout.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Loaded as bash-completion loads it, when the command is first completed.
#[test]
#[ignore = "needs bash-completion: .ci/run installs it"]
fn bash_completes_commands_and_options() {
    let file = format!("data/bash-completion/completions/{PROGRAM}");
    let (mut environment, path) = with("bash", &file);
    let data = path.ancestors().nth(3).expect("a folder");
    environment.set("XDG_DATA_HOME", &data.display().to_string());
    let script = r#"
        source /usr/share/bash-completion/bash_completion
        _completion_loader "$1"
        read -r _ _ function _ < <(complete -p "$1" | sed 's/.* -F /complete -F /')
        shift
        # It works on a terminal only.
        compopt() { :; }
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let complete = |words: &[&str]| {
        let mut arguments = vec![
            "--norc",
            "--noprofile",
            "-c",
            script,
            "bash",
            PROGRAM,
            PROGRAM,
        ];
        arguments.extend(words);
        lines(&environment, "bash", &arguments)
    };
    assert_eq!(complete(&["con"]), COMPLETED);
    assert_eq!(complete(&["cache", "c"]), ["clear"]);
    assert_eq!(complete(&["policy", "--format", "ter"]), ["terraform"]);
    assert_eq!(complete(&["doctor", "--pu"]), ["--push"]);
    assert_eq!(complete(&["configure-docker", "--po"]), ["--podman"]);
    assert_eq!(complete(&["config", "show", "--j"]), ["--json"]);
    assert_eq!(complete(&["help", "w"]), ["whoami"]);
    assert_eq!(complete(&["whoami", "1"]), [REGISTRY]);
    assert_eq!(complete(&["cache", "clear", ""]), [REGISTRY]);
    let profile = ["configure-docker", REGISTRY, "--profile", ""];
    assert_eq!(complete(&profile), ["work"]);
}

/// Typed on a terminal: zsh completes only there.
#[test]
#[ignore = "needs zsh: .ci/run installs it"]
fn zsh_completes_commands_and_options() {
    let (mut environment, path) = with("zsh", "functions/_docker-credential-ecrx");
    environment.set("TERM", "dumb");
    let terminal = Terminal::open();
    let shell = environment.start_program_on(
        &terminal,
        Place::Foreground,
        "sh",
        &["-c", "exec zsh -f -i <>/dev/tty >&0 2>&0"],
        "",
    );
    let folder = path.parent().expect("a folder").display();
    terminal.type_line("PS1='ready> '");
    terminal.wait_for("ready> ");
    terminal.type_line(&format!(
        "fpath=({folder} $fpath); autoload -Uz compinit && compinit -D && echo loa''ded"
    ));
    terminal.wait_for("loaded");
    terminal.wait_for("ready> ");
    terminal.type_text(&format!("{PROGRAM} con\t\t"));
    for command in COMPLETED {
        terminal.wait_for(&format!("\n{command} "));
        terminal.wait_for("-- ");
    }
    terminal.type_text("\x15");
    terminal.type_text(&format!("{PROGRAM} policy --format ter\t"));
    terminal.wait_for("terraform");
    terminal.type_text("\x15");
    terminal.type_text(&format!("{PROGRAM} config show 1\t"));
    terminal.wait_for(".dkr.ecr.eu-west-1.amazonaws.com");
    terminal.type_text("\x15");
    terminal.type_text(&format!("{PROGRAM} configure-docker --profile w\t"));
    terminal.wait_for("--profile work");
    shell.kill();
}

#[test]
#[ignore = "needs fish: .ci/run installs it"]
fn fish_completes_commands_and_options() {
    let (environment, path) = with("fish", "docker-credential-ecrx.fish");
    let path = path.display().to_string();
    let complete = |typed: &str| {
        let script = "source $argv[1]; complete -C $argv[2]";
        let typed = format!("{PROGRAM} {typed}");
        let arguments = ["--no-config", "-c", script, &path, &typed];
        lines(&environment, "fish", &arguments)
            .iter()
            .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(complete("con"), COMPLETED);
    assert_eq!(complete("cache c"), ["clear"]);
    assert_eq!(complete("policy --format ter"), ["terraform"]);
    assert_eq!(complete("doctor --pu"), ["--push"]);
    assert_eq!(complete("help w"), ["whoami"]);
    assert_eq!(complete("whoami "), [REGISTRY]);
    assert_eq!(complete("cache clear "), [REGISTRY]);
    assert_eq!(complete("configure-docker x --profile "), ["work"]);
    // No file in the folder is completed.
    assert_eq!(
        complete("completions "),
        ["bash", "fish", "powershell", "zsh"]
    );
}

/// PowerShell itself is in no registry that the tests may use: its grammar is.
#[track_caller]
fn is_powershell(environment: &TestEnvironment, path: &Path) {
    let clients = std::env::var_os("ECRX_TEST_CLIENTS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/clients"),
        PathBuf::from,
    );
    let script = "
import sys, tree_sitter, tree_sitter_powershell
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
file = open(sys.argv[1], 'rb').read()
# A method with a block and no parentheses is PowerShell, and not known to this grammar.
where = b'$completions.Where{ $_.CompletionText -like \"$wordToComplete*\" }'
file = file.replace(where, b'$completions')
for text in file, file + b'\\n} (':
    print(parser.parse(text).root_node.has_error)";
    let python = clients.join("venv/bin/python");
    let path = path.display().to_string();
    let errors = environment.run_program(python, &["-c", script, &path], "");
    assert_eq!(errors.stdout, "False\nTrue\n", "{errors:?}");
}

#[test]
#[ignore = "needs tree-sitter-powershell: .ci/run installs it"]
fn the_completions_of_powershell_are_powershell() {
    let (environment, path) = with("powershell", "docker-credential-ecrx.ps1");
    is_powershell(&environment, &path);
}

#[test]
#[ignore = "needs tree-sitter-powershell: .ci/run installs it"]
fn the_install_script_for_windows_is_powershell() {
    is_powershell(&TestEnvironment::new(), &packaging("install.ps1"));
}

#[test]
#[ignore = "needs mandoc: .ci/run installs it"]
fn manual_pages_are_clean() {
    let environment = TestEnvironment::new();
    for page in PAGES {
        let path = packaging(&format!("man/{page}")).display().to_string();
        // Style included.
        let outcome = environment.run_program("/usr/bin/mandoc", &["-Tlint", &path], "");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    }
}
