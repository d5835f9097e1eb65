//! The intended differences from the AWS CLI: the table in the manual's page on configuration.
//!
//! A row takes its cause out of a set-up. It excuses a difference only if there is none without
//! that cause, so a row cannot hide another difference in the same set-up.

use super::set_up::{AwsFile, SetUp};

/// One row.
pub struct Intended {
    /// As the manual has it.
    pub name: &'static str,
    /// Takes the cause out of the set-up.
    remove: fn(&mut SetUp),
}

impl Intended {
    /// The set-up without the cause; `None` if the cause is not in it.
    pub fn without(&self, set_up: &SetUp) -> Option<SetUp> {
        let mut without = set_up.clone();
        (self.remove)(&mut without);
        (without != *set_up).then_some(without)
    }
}

pub const INTENDED: [Intended; 8] = [
    Intended {
        name: "a byte order mark at the start of a file",
        remove: |set_up| files(set_up).for_each(|file| file.has_bom = false),
    },
    Intended {
        name: "a section that is repeated in a file",
        remove: |set_up| files(set_up).for_each(join_repeated),
    },
    Intended {
        name: "`AWS_PROFILE` or `AWS_DEFAULT_PROFILE` set to nothing",
        remove: |set_up| {
            let names = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];
            set_up.variables.retain(|(name, value)| {
                !names.contains(&name.as_str()) || !value.trim().is_empty()
            });
        },
    },
    Intended {
        name: "`AWS_PROFILE` and `AWS_DEFAULT_PROFILE` set to different profiles",
        remove: |set_up| {
            let value = |name: &str| {
                let variables = &set_up.variables;
                variables
                    .iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, value)| value.clone())
            };
            if let (Some(profile), Some(_)) = (value("AWS_DEFAULT_PROFILE"), value("AWS_PROFILE")) {
                set_up.set("AWS_PROFILE", &profile);
            }
        },
    },
    Intended {
        name: "`credential_source` in lower or upper case",
        remove: |set_up| files(set_up).for_each(spell_credential_source),
    },
    Intended {
        name: "an access key in a file of boto 2 (`BOTO_CONFIG`, `~/.boto`)",
        remove: |set_up| {
            let is_boto = |name: &str| matches!(name, "AWS_CREDENTIAL_FILE" | "BOTO_CONFIG");
            set_up.variables.retain(|(name, _)| !is_boto(name));
            set_up.files.retain(|(path, _)| path != ".boto");
        },
    },
    Intended {
        name: "`HOME` set to a relative path",
        remove: |set_up| {
            set_up
                .variables
                .retain(|(name, value)| name != "HOME" || value != ".");
        },
    },
    Intended {
        name: "a wrong value of a setting that is not needed",
        remove: |set_up| {
            set_up.variables.retain(|(name, value)| {
                let key = name.to_ascii_lowercase().replacen("aws_", "", 1);
                !is_wrong_and_not_needed(&key, value)
            });
            for section in files(set_up).flat_map(|file| &mut file.sections) {
                remove_wrong_and_not_needed(section);
            }
        },
    },
];

/// Settings that the AWS CLI checks even if nothing reads them.
fn is_wrong_and_not_needed(key: &str, value: &str) -> bool {
    match key.to_ascii_lowercase().as_str() {
        "ec2_metadata_service_endpoint_mode" => {
            !["ipv4", "ipv6"].contains(&value.to_lowercase().as_str())
        }
        "metadata_service_num_attempts" | "metadata_service_timeout" => {
            value.parse::<u32>().is_err()
        }
        "ca_bundle" => value.is_empty(),
        // A block, of which botocore 1.44 reads a setting for every service (`configprovider.py`).
        "s3" => !value.contains('='),
        // Of S3, in a block.
        "addressing_style" => !["auto", "path", "virtual"].contains(&value),
        _ => false,
    }
}

/// With the lines in which such a value goes on, which make a right one wrong.
fn remove_wrong_and_not_needed(section: &mut Vec<String>) {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut at = 0;
    while at < section.len() {
        let mut end = at + 1;
        while end < section.len() && indent(&section[end]) > indent(&section[at]) {
            end += 1;
        }
        let value = section[at..end].join("\n");
        let is_wrong = value
            .split_once(['=', ':'])
            .is_some_and(|(key, value)| is_wrong_and_not_needed(key.trim(), value.trim()));
        if is_wrong {
            section.drain(at..end);
        } else {
            at += 1;
        }
    }
}

fn files(set_up: &mut SetUp) -> impl Iterator<Item = &mut AwsFile> {
    [&mut set_up.config, &mut set_up.credentials].into_iter()
}

/// Moves the lines of a repeated section to where the section begins. Changes of the spelling may
/// have put lines before a header, or another header among the lines.
fn join_repeated(file: &mut AwsFile) {
    let mut joined: Vec<Vec<String>> = vec![Vec::new()];
    let mut last = 0;
    let mut is_repeated = false;
    for section in &file.sections {
        let mut has_header = false;
        for line in section {
            let starts_section = if has_header {
                line.starts_with('[')
            } else {
                line.trim_start().starts_with('[')
            };
            if !starts_section {
                joined[last].push(line.clone());
                continue;
            }
            has_header = true;
            let is_known = |known: &Vec<String>| {
                known
                    .first()
                    .is_some_and(|first| first.trim() == line.trim())
            };
            if let Some(known) = joined.iter().position(is_known) {
                is_repeated = true;
                last = known;
            } else {
                last = joined.len();
                joined.push(vec![line.clone()]);
            }
        }
    }
    if is_repeated {
        joined.retain(|section| !section.is_empty());
        file.sections = joined;
    }
}

fn spell_credential_source(file: &mut AwsFile) {
    for line in file.sections.iter_mut().flatten() {
        if !line.trim_start().starts_with("credential_source") {
            continue;
        }
        for name in ["Environment", "EcsContainer", "Ec2InstanceMetadata"] {
            if line.to_lowercase().ends_with(&name.to_lowercase()) {
                line.truncate(line.len() - name.len());
                line.push_str(name);
            }
        }
    }
}

/// The manual's table has these rows, and one about large files, which are not made here.
#[test]
fn the_manual_lists_every_intended_difference() {
    let page = include_str!("../../packaging/man/docker-credential-ecrx-config.5.md");
    let (_, table) = page
        .split_once("## Differences from the AWS CLI")
        .expect("a section");
    let (table, _) = table.split_once("\n## ").expect("another section");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = rows.filter_map(|line| Some(line.split_once(" |")?.0));
    let rows: Vec<&str> = rows.skip(1).filter(|row| !row.contains("16 MiB")).collect();
    assert_eq!(rows, INTENDED.map(|row| row.name));
}
