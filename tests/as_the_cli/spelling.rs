//! Other spellings of AWS's files: right ones, odd ones and wrong ones.

use super::common::random::Random;
use super::set_up::{AwsFile, SetUp, lines};

/// Changes how one of the files is spelled.
pub fn respell(random: &mut Random, set_up: &mut SetUp) {
    let file = if random.percent(60) {
        &mut set_up.config
    } else {
        &mut set_up.credentials
    };
    if file.sections.is_empty() {
        return;
    }
    let at = random.below(file.sections.len());
    let change: fn(&mut Random, &mut AwsFile, usize) = random.weigh(&[
        (140, indent as _),
        (120, add_comment as _),
        (100, respell_line as _),
        (80, respell_header as _),
        (70, add_block as _),
        (50, continue_value as _),
        (40, |_, file, _| file.has_crlf = true),
        (7, |_, file, _| file.has_bom = true),
        (10, repeat_section as _),
        (20, repeat_property as _),
        (30, add_wrong_line as _),
        (60, add_blank_line as _),
        (30, add_section as _),
    ]);
    change(random, file, at);
}

/// Properties below their section, deeper than it.
fn indent(random: &mut Random, file: &mut AwsFile, at: usize) {
    let indent = random.pick(&["    ", "  ", "\t", " "]);
    let section = &mut file.sections[at];
    match random.case(&[70, 15, 8, 7]) {
        0 => section[1..]
            .iter_mut()
            .for_each(|line| line.insert_str(0, indent)),
        1 => section
            .iter_mut()
            .for_each(|line| line.insert_str(0, indent)),
        2 => section[0].insert_str(0, indent),
        _ => {
            let line = random.below(section.len());
            section[line].insert_str(0, indent);
        }
    }
}

/// Inserts a line anywhere in a section.
fn insert(random: &mut Random, section: &mut Vec<String>, line: &str) {
    let at = random.below(section.len() + 1);
    section.insert(at, line.to_owned());
}

fn add_comment(random: &mut Random, file: &mut AwsFile, at: usize) {
    let comment = random.pick(&[
        "# c",
        "; c",
        "  # c",
        "\t; c",
        "#c = d",
        "  ;[profile c]",
        "#",
    ]);
    insert(random, &mut file.sections[at], comment);
}

/// A property with another separator or case, or with something after its value.
fn respell_line(random: &mut Random, file: &mut AwsFile, at: usize) {
    let section = &mut file.sections[at];
    if section.len() < 2 {
        return;
    }
    let line = 1 + random.below(section.len() - 1);
    let text = section[line].clone();
    let Some((key, value)) = text.split_once(" =") else {
        return;
    };
    let value = value.trim_start();
    section[line] = match random.below(14) {
        0 => format!("{key}={value}"),
        1 => format!("{key}: {value}"),
        2 => format!("{key} : {value}"),
        3 => format!("{key}   =   {value}  "),
        4 => format!("{} = {value}", key.to_uppercase()),
        5 => format!("{key} = {value} # c"),
        6 => format!("{key} = {value} ; c"),
        7 => format!("{key} = {value}#c"),
        8 => format!("{key} = \"{value}\""),
        9 => format!("{key}\t=\t{value}\t"),
        10 => format!("{key} == {value}"),
        11 => format!("{key} = {value}\u{a0}"),
        // See `profiles::sso`.
        _ if key == "sso_region" => return,
        12 => format!("{key} ="),
        _ => format!("{key} =   "),
    };
}

fn respell_header(random: &mut Random, file: &mut AwsFile, at: usize) {
    let header = file.sections[at][0].clone();
    let name = header.trim_matches(['[', ']']).to_owned();
    file.sections[at][0] = match random.below(14) {
        0 => format!("[{name}] # c"),
        1 => format!("[{name}] ; c"),
        2 => format!("[{name}]#c"),
        3 => format!("[ {name} ]"),
        4 => format!("[{name} ]"),
        5 => format!("  [{name}]"),
        6 => format!("[{}]", name.replacen(' ', "   ", 1)),
        7 => format!("[{}]", name.replace("default", "DEFAULT")),
        8 => format!("[{}]", name.replace("default", "Default")),
        9 => format!("[{}]", name.strip_prefix("profile ").unwrap_or(&name)),
        10 => format!("[{name}"),
        11 => format!("[{name}]]"),
        12 => format!("[profile {name}]"),
        _ => format!("[{name}] [c]"),
    };
}

/// A block of further properties, as `s3 =` has one.
fn add_block(random: &mut Random, file: &mut AwsFile, at: usize) {
    let block: &[&str] = random.pick(&[
        &["s3 =", "  max_queue_size = 10"][..],
        &["s3 =", "  # c", "  max_queue_size = 10"],
        &[
            "s3 =",
            "  max_queue_size = 10",
            "",
            "  region = eu-central-1",
        ],
        &["s3 =", "  max_queue_size = 10 # c"],
        &["s3 =", "  max_queue_size"],
        &["s3 = ", "  max_queue_size = 10", "# c", "  a = b"],
        &["s3 =", "    max_queue_size = 10", "  a = b"],
        &["s3 =", "  max_queue_size : 10"],
    ]);
    let section = &mut file.sections[at];
    let line = 1 + random.below(section.len());
    let line = line.min(section.len());
    section.splice(line..line, block.iter().map(|text| (*text).to_owned()));
}

/// A second line of a value, or what would be one.
fn continue_value(random: &mut Random, file: &mut AwsFile, at: usize) {
    let section = &mut file.sections[at];
    let line = 1 + random.below(section.len());
    let more = random.pick(&[
        "  more",
        "\tmore = c",
        "  [profile c]",
        "    # c",
        "  region = eu-central-1",
        "      ",
    ]);
    section.insert(line.min(section.len()), more.to_owned());
}

fn repeat_section(random: &mut Random, file: &mut AwsFile, at: usize) {
    let section = &file.sections[at];
    let lines = if random.percent(50) { section.len() } else { 1 };
    let repeated = section[..lines].to_vec();
    file.sections.push(repeated);
}

fn repeat_property(random: &mut Random, file: &mut AwsFile, at: usize) {
    let section = &mut file.sections[at];
    if section.len() > 1 {
        let line = 1 + random.below(section.len() - 1);
        section.push(section[line].clone());
    }
}

fn add_wrong_line(random: &mut Random, file: &mut AwsFile, at: usize) {
    let wrong = random.pick(&[
        "nonsense",
        "= c",
        "[]",
        "[c",
        "a b c",
        ": c",
        "<<<<<<< HEAD",
        "=======",
        "\u{0}",
        "\u{fffe}",
        "a = \u{fffe}",
    ]);
    insert(random, &mut file.sections[at], wrong);
}

fn add_blank_line(random: &mut Random, file: &mut AwsFile, at: usize) {
    let blank = random.pick(&["", "", "   ", "\t", "\u{a0}", "\u{b}", "c = d\re = f"]);
    insert(random, &mut file.sections[at], blank);
}

/// A section that no profile names, with something in it that may be read as more.
fn add_section(random: &mut Random, file: &mut AwsFile, _: usize) {
    let section: &[&str] = random.pick(&[
        &["[DEFAULT]", "region = eu-central-1"][..],
        &["[plugins]", "cli_legacy_plugin_path = /opt"],
        &["[profile c d]", "region = eu-central-1"],
        &["[profile 'c]", "region = eu-central-1"],
        &["[profile]", "region = eu-central-1"],
        &["[sso-session other]", "  sso_region = us-east-1"],
        &["[toolkit]", "a = b"],
    ]);
    let at = random.below(file.sections.len() + 1);
    file.sections.insert(at, lines(section));
}
