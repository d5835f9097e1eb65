//! Set-ups by chance: what each file, each profile in it and each variable says is chosen apart,
//! and then the spelling of some lines is changed.

use super::common::random::Random;
use super::set_up::{Closed, Container, FileKind, Metadata, Oddity, SetUp};
use super::{profiles, spelling, variables};

/// The set-up that these random choices make.
pub fn set_up(random: &mut Random) -> SetUp {
    let mut set_up = SetUp::new();
    let selected = select_profile(random, &mut set_up);
    for profile in ["default", "work", "base"] {
        if profile == selected || random.percent(35) {
            add_profile(random, &mut set_up, profile);
        }
    }
    for profile in ["default", "base"] {
        let is_named = set_up.names(&format!("source_profile = {profile}"));
        if is_named && !has_profile(&set_up, profile) && random.percent(80) {
            add_profile(random, &mut set_up, profile);
        }
    }
    profiles::add_what_profiles_name(random, &mut set_up);
    variables::add_keys(random, &mut set_up);
    variables::add_others(random, &mut set_up);
    place_files(random, &mut set_up);
    set_up.metadata = metadata(random);
    set_up.container = container(random);
    set_up.closed = closed(random);
    if random.percent(12) {
        rename_work(random, &mut set_up);
    }
    let respellings = random.case(&[55, 28, 13, 4]);
    for _ in 0..respellings {
        spelling::respell(random, &mut set_up);
    }
    set_up
}

fn has_profile(set_up: &SetUp, profile: &str) -> bool {
    let files = [&set_up.config, &set_up.credentials];
    let mut sections = files.into_iter().flat_map(|file| &file.sections);
    sections.any(|section| section[0].contains(profile))
}

fn closed(random: &mut Random) -> Option<Closed> {
    random.weigh(&[
        (95, None),
        (2, Some(Closed::Config)),
        (1, Some(Closed::Credentials)),
        (1, Some(Closed::AwsFolder)),
        (1, Some(Closed::Home)),
    ])
}

/// Profiles have all kinds of names.
fn rename_work(random: &mut Random, set_up: &mut SetUp) {
    let name = random.pick(&[
        "a b",
        "prod.eu-1",
        "team/dev",
        "Work",
        "a:b",
        "a=b",
        "\u{e4}",
        "profile",
        "a#b",
        "a]b",
        "it's",
    ]);
    for section in &mut set_up.config.sections {
        if section[0].starts_with("[profile") && section[0].contains("work") {
            let quoted = name.contains([' ', '\'']);
            section[0] = match quoted || random.percent(20) {
                true => format!("[profile \"{name}\"]"),
                false => format!("[profile {name}]"),
            };
        }
    }
    for section in &mut set_up.credentials.sections {
        if section[0] == "[work]" {
            section[0] = format!("[{name}]");
        }
    }
    for (variable, value) in &mut set_up.variables {
        if variable.ends_with("PROFILE") && value == "work" {
            name.clone_into(value);
        }
    }
    for line in [&mut set_up.config, &mut set_up.credentials]
        .into_iter()
        .flat_map(|file| file.sections.iter_mut().flatten())
    {
        if line == "source_profile = work" {
            *line = format!("source_profile = {name}");
        }
    }
}

fn select_profile(random: &mut Random, set_up: &mut SetUp) -> &'static str {
    let (variables, selected): (&[(&str, &str)], _) = random.weigh(&[
        (560, (&[][..], "default")),
        (333, (&[("AWS_PROFILE", "work")], "work")),
        (30, (&[("AWS_DEFAULT_PROFILE", "work")], "work")),
        (
            20,
            (
                &[("AWS_PROFILE", "default"), ("AWS_DEFAULT_PROFILE", "work")],
                "work",
            ),
        ),
        (2, (&[("AWS_PROFILE", "")], "default")),
        (
            2,
            (
                &[("AWS_PROFILE", "work"), ("AWS_DEFAULT_PROFILE", "")],
                "work",
            ),
        ),
        (20, (&[("AWS_PROFILE", "default")], "default")),
        (10, (&[("AWS_PROFILE", " work")], "work")),
        (20, (&[("AWS_PROFILE", "absent")], "default")),
    ]);
    for (name, value) in variables {
        set_up.set(name, value);
    }
    selected
}

/// A profile in one of the files, or in both.
fn add_profile(random: &mut Random, set_up: &mut SetUp, profile: &'static str) {
    let (in_config, in_credentials) =
        random.weigh(&[(45, (true, false)), (25, (false, true)), (30, (true, true))]);
    if in_config {
        let header = match profile {
            "default" => random
                .weigh(&[(92, "[default]"), (8, "[profile default]")])
                .to_owned(),
            name => random
                .weigh(&[
                    (88, format!("[profile {name}]").as_str()),
                    (5, &format!("[profile \"{name}\"]")),
                    (3, &format!("[profile '{name}']")),
                    (4, &format!("[profile\t{name}]")),
                ])
                .to_owned(),
        };
        let mut section = vec![header];
        section.extend(profiles::contents(random, set_up, profile, "config"));
        set_up.config.sections.push(section);
    }
    if in_credentials {
        let mut section = vec![format!("[{profile}]")];
        section.extend(profiles::contents(random, set_up, profile, "credentials"));
        set_up.credentials.sections.push(section);
    }
}

/// Where the files are, or a folder, a pipe or a link in their place.
fn place_files(random: &mut Random, set_up: &mut SetUp) {
    for (variable, is_config) in [
        ("AWS_CONFIG_FILE", true),
        ("AWS_SHARED_CREDENTIALS_FILE", false),
    ] {
        let file = if is_config {
            &mut set_up.config
        } else {
            &mut set_up.credentials
        };
        if random.percent(2) {
            file.kind = random.pick(&[FileKind::Folder, FileKind::Pipe, FileKind::Link]);
        }
        if random.percent(93) {
            continue;
        }
        let usual = file.path.clone();
        let elsewhere = "elsewhere/aws file".to_owned() + if is_config { "" } else { " 2" };
        let (value, is_there) = match random.below(9) {
            0 => (format!("{{home}}/{elsewhere}"), true),
            1 => (format!("~/{elsewhere}"), true),
            2 => (format!("$HOME/{elsewhere}"), true),
            3 => (format!("${{HOME}}/{elsewhere}"), true),
            4 => (elsewhere.clone(), true),
            5 => (format!("{{home}}/{usual}"), false),
            6 => ("{home}/absent".to_owned(), false),
            7 => (String::new(), false),
            _ => ("/dev/null".to_owned(), false),
        };
        if is_there {
            file.path = elsewhere;
        }
        set_up.set(variable, &value);
    }
}

fn metadata(random: &mut Random) -> Metadata {
    let status = random.pick(&[403, 404, 405, 400, 401, 500]);
    let oddity = oddity(random);
    random.weigh(&[
        (52, Metadata::SwitchedOff),
        (4, Metadata::Unreachable),
        (27, Metadata::Role),
        (4, Metadata::NoRole),
        (8, Metadata::RoleWithoutToken(status)),
        (1, Metadata::RoleWithLateToken),
        (2, Metadata::TokenRefused(status)),
        (3, Metadata::Odd(oddity)),
    ])
}

fn container(random: &mut Random) -> Container {
    let status = random.pick(&[400, 403, 404, 500]);
    let oddity = oddity(random);
    random.weigh(&[
        (80, Container::Credentials),
        (6, Container::Status(status)),
        (14, Container::Odd(oddity)),
    ])
}

fn oddity(random: &mut Random) -> Oddity {
    let key = random.pick(&["AccessKeyId", "SecretAccessKey", "Token", "Expiration"]);
    random.pick(&[
        Oddity::Expired,
        Oddity::Without(key),
        Oddity::Without(key),
        Oddity::Blank(key),
        Oddity::NotJson,
        Oddity::Failure,
    ])
}
