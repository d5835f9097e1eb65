//! `configure-docker`: configures docker or podman to use this program, and shows the changes.
//!
//! ```text
//! ClientFiles ───────────────┐
//! creds_store ───────────────┼─▶ ChangePlan ─▶ Change ─ show ─▶ difference
//! RuleEditor ─▶ config_toml ─┘                    └──── apply ─▶ file
//! ```
//!
//! The plan is made twice. The first one shows whether anything changes, and locks and creates
//! nothing. The second one is made under locks, so that no other process of this program changes
//! the files meanwhile.

mod change;
mod change_plan;
pub(crate) mod clients;
mod config_toml;
mod creds_store;
pub(crate) mod user_file;

pub(crate) use change::show_difference;
use change_plan::ChangePlan;
use clients::{ClientProblem, Severity};
use creds_store::{CredsStoreError, HelperLogin};
use user_file::Locks;

use crate::cli::ConfigureDocker;
use crate::commands::page::CheckMark;
use crate::commands::{Page, Verdict};
use crate::config::{Problem, parse_external_id};
use crate::docker::other_helper::{OtherHelper, OtherHelperError};
use crate::env::Env;
use crate::error::Error;
use crate::redaction::shown_server;

/// The message leaves out the value, which is a secret.
#[derive(Debug, thiserror::Error)]
#[error("--external-id {0}")]
struct WrongExternalId(Problem);

pub(super) fn run(
    arguments: &ConfigureDocker,
    env: &Env,
    page: &mut Page,
) -> Result<Verdict, Error> {
    if let Some(id) = &arguments.external_id {
        parse_external_id(id.expose()).map_err(|why| Error::usage(WrongExternalId(why)))?;
    }
    let looked = ChangePlan::make(arguments, env, None)?;
    let mut locks = Locks::default();
    let plan = if arguments.dry_run || looked.is_empty() {
        looked
    } else {
        ChangePlan::make(arguments, env, Some(&mut locks))?
    };
    for change in plan.changes() {
        change.show(page);
    }
    if !plan.is_empty() {
        page.gap();
    }
    let not_shown = plan.changes().flat_map(|change| &change.remarks);
    for remark in not_shown.chain(&plan.remarks) {
        page.marked(CheckMark::Unknown, remark);
    }
    if plan.is_empty() {
        print_nothing_to_change(&plan, arguments, page);
    } else if arguments.dry_run {
        print_dry_run(&plan, page);
    } else {
        apply(&plan, env, page)?;
    }
    print_notes(&plan, arguments, page);
    Ok(print_problems(&plan.problems, page))
}

fn print_nothing_to_change(plan: &ChangePlan, arguments: &ConfigureDocker, page: &mut Page) {
    let is_all = arguments.hosts.is_empty() && !arguments.creds_store;
    let what = match (arguments.undo, is_all) {
        (true, true) => "no docker-credential-ecrx entries in",
        (true, false) => "nothing to undo in",
        (false, _) => "already configured:",
    };
    let files = plan.files.iter().map(|file| file.display().to_string());
    let files = files.collect::<Vec<_>>().join(", ");
    page.marked(CheckMark::Good, &format!("{what} {files}"));
    if arguments.all && plan.config.rules().is_empty() {
        let text = "--all selected no registry: config.toml has no [[registry]] rules";
        page.marked(CheckMark::Unknown, text);
    }
}

fn print_notes(plan: &ChangePlan, arguments: &ConfigureDocker, page: &mut Page) {
    let label = if arguments.undo {
        "not removed"
    } else {
        "skipped"
    };
    for note in &plan.notes {
        page.marked(CheckMark::Unknown, &format!("{label}: {note}"));
    }
    if arguments.all && !plan.notes.is_empty() {
        page.paragraph(2, "Pass the hosts of these registries as arguments");
        if !arguments.podman {
            let command = "docker-credential-ecrx configure-docker --creds-store";
            page.paragraph(2, &format!("To cover every registry, run: {command}"));
        }
    }
}

/// Prints what the differences do not show, and that nothing was changed.
fn print_dry_run(plan: &ChangePlan, page: &mut Page) {
    if let Some(helper) = &plan.config.other_registries_helper {
        for login in &plan.moves {
            let (key, program) = (shown_server(&login.key), helper.program());
            let text = format!("would move the login for {key} to {program}");
            page.marked(CheckMark::Unknown, &text);
        }
    }
    page.marked(CheckMark::Unknown, "dry run: nothing was changed");
}

/// Applies a plan: the rules and logins first, then the entries of clients.
fn apply(plan: &ChangePlan, env: &Env, page: &mut Page) -> Result<(), Error> {
    for change in plan.changes() {
        change.file.check_writable().map_err(Error::failure)?;
    }
    if let Some(change) = &plan.config_file {
        change.apply(page)?;
    }
    move_logins(plan, env, page)?;
    for change in &plan.client_files {
        change.apply(page)?;
    }
    Ok(())
}

/// Moves logins to the other helper. The file is changed only after all of them are stored.
fn move_logins(plan: &ChangePlan, env: &Env, page: &mut Page) -> Result<(), Error> {
    let name = plan.config.other_registries_helper.as_ref();
    let (Some(helper), Some(name)) = (OtherHelper::from_config(&plan.config), name) else {
        return Ok(());
    };
    let stays = |login: &HelperLogin, cause: OtherHelperError| {
        let hints = cause.hints();
        Error::failure(CredsStoreError::NotMoved {
            key: shown_server(&login.key).to_owned(),
            file: plan.file.clone(),
            cause,
        })
        .hints(hints)
    };
    for login in &plan.moves {
        helper
            .keep(env, &login.key, &login.username, &login.secret)
            .map_err(|cause| stays(login, cause))?;
    }
    for login in &plan.moves {
        helper
            .check_kept(env, &login.key, &login.username, &login.secret)
            .map_err(|cause| stays(login, cause))?;
        let (key, program) = (shown_server(&login.key), name.program());
        page.marked(
            CheckMark::Good,
            &format!("moved the login for {key} to {program}"),
        );
    }
    Ok(())
}

fn print_problems(problems: &[ClientProblem], page: &mut Page) -> Verdict {
    for problem in problems {
        let mark = match problem.severity {
            Severity::Bad => CheckMark::Bad,
            Severity::Warning => CheckMark::Warning,
        };
        page.marked(mark, &problem.text);
        page.paragraph(2, &problem.fix);
        if problem.repair.is_some() {
            page.paragraph(2, "Pass --fix to do this automatically");
        }
    }
    let is_bad = |problem: &ClientProblem| problem.severity == Severity::Bad;
    if problems.iter().any(is_bad) {
        Verdict::Bad
    } else {
        Verdict::Good
    }
}
