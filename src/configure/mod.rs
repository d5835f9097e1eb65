//! `configure-docker`: has docker or podman ask this program, and shows what it does.
//!
//! ```text
//! client_files, hosts, config_toml, creds_store ─▶ ChangePlan ─▶ Change ─ show ─▶ difference
//!                                                                      └─ apply ─▶ file
//! ```
//!
//! The plan is made twice: once to see whether there is anything to do, which locks and creates
//! nothing, and once more under the locks, when no other process of this program changes the
//! files.

mod change;
mod change_plan;
mod client_files;
pub(crate) mod clients;
mod config_toml;
mod creds_store;
mod hosts;
mod user_file;

use change_plan::ChangePlan;
use clients::{ClientProblem, Severity};
use creds_store::{CredsStoreError, HelperLogin};
use user_file::Locks;

use crate::cli::ConfigureDocker;
use crate::commands::page::CheckMark;
use crate::commands::{Page, Verdict};
use crate::docker::other_helper::{OtherHelper, OtherHelperError};
use crate::env::Env;
use crate::error::Error;
use crate::redaction::shown_server;

pub(super) fn run(
    arguments: &ConfigureDocker,
    env: &Env,
    page: &mut Page,
) -> Result<Verdict, Error> {
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
    for remark in &plan.remarks {
        page.marked(CheckMark::Unknown, remark);
    }
    if plan.is_empty() {
        print_nothing_to_change(&plan, arguments, page);
    } else if arguments.dry_run {
        print_dry_run(&plan, page);
    } else {
        apply(&plan, env, page)?;
    }
    print_left_alone(&plan, arguments, page);
    Ok(print_problems(&plan.problems, page))
}

fn print_nothing_to_change(plan: &ChangePlan, arguments: &ConfigureDocker, page: &mut Page) {
    let is_all = arguments.hosts.is_empty() && !arguments.creds_store;
    let what = if arguments.undo && is_all {
        "nothing of this program is left in"
    } else {
        "nothing is to be changed in"
    };
    page.marked(CheckMark::Good, &format!("{what} {}", plan.file.display()));
    if arguments.all && plan.config.rules().is_empty() {
        let text = "config.toml has no rule that names a registry";
        page.marked(CheckMark::Unknown, text);
    }
}

fn print_left_alone(plan: &ChangePlan, arguments: &ConfigureDocker, page: &mut Page) {
    for note in &plan.notes {
        page.marked(CheckMark::Unknown, &format!("left alone: {note}"));
    }
    if arguments.all && !plan.notes.is_empty() {
        let what = if arguments.podman {
            "name their hosts"
        } else {
            "name their hosts, or have this program asked for all: configure-docker --creds-store"
        };
        page.paragraph(2, what);
    }
    if arguments.undo && !plan.config.rules().is_empty() {
        page.marked(CheckMark::Unknown, "left alone: the rules in config.toml");
    }
}

/// What a difference does not show, and that nothing of all this was done.
fn print_dry_run(plan: &ChangePlan, page: &mut Page) {
    if let Some(helper) = &plan.config.other_registries_helper {
        for login in &plan.moves {
            let (key, program) = (shown_server(&login.key), helper.program());
            let text = format!("the login for {key} would be moved to {program}");
            page.marked(CheckMark::Unknown, &text);
        }
    }
    page.marked(CheckMark::Unknown, "nothing was changed: this is a dry run");
}

/// Carries a plan out: first what this program needs when it is asked, then what sends clients
/// to it.
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

/// Each is with the other helper before any is taken out of the file.
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
        let offer = match problem.repair {
            Some(_) => " (--fix does it)",
            None => "",
        };
        page.paragraph(2, &format!("to mend it: {}{offer}", problem.fix));
    }
    let is_bad = |problem: &ClientProblem| problem.severity == Severity::Bad;
    if problems.iter().any(is_bad) {
        Verdict::Bad
    } else {
        Verdict::Good
    }
}
