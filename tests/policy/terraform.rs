//! `--format terraform`: providers and attachments.

use crate::set_ups::{SET_UPS, printed};

fn blocks<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    text.split("\n}\n")
        .filter_map(|block| {
            let from = block.lines().position(|line| line.starts_with(start))?;
            let skipped = block.split_inclusive('\n').take(from).map(str::len);
            Some(&block[skipped.sum()..])
        })
        .collect()
}

#[test]
fn each_account_has_a_provider_that_refuses_other_accounts() {
    let text = printed(SET_UPS[0].1, &["--format", "terraform"]);
    for account in ["999999999999", "111122223333", "444455556666"] {
        let providers = blocks(&text, "provider \"aws\"");
        let found: Vec<_> = providers
            .iter()
            .filter(|block| block.contains(&format!("\"account_{account}\"")))
            .collect();
        assert_eq!(found.len(), 1, "{text}");
        let only = format!("allowed_account_ids = [\"{account}\"]");
        assert!(found[0].contains(&only), "{text}");
    }
}

#[test]
fn each_region_of_an_account_has_a_provider() {
    let mut arguments = vec!["--principal", "111122223333"];
    for arn in [
        "arn:aws:ecr:us-west-2:999999999999:repository/app",
        "arn:aws:ecr:eu-west-1:999999999999:repository/app",
    ] {
        arguments.extend(["--repository", arn]);
    }
    let text = printed(&arguments, &["--format", "terraform"]);
    let providers: Vec<&str> = blocks(&text, "resource \"aws_ecr_repository_policy\"")
        .iter()
        .filter_map(|block| block.lines().find(|line| line.contains("provider")))
        .collect();
    assert_eq!(
        providers,
        [
            "  provider   = aws.account_999999999999",
            "  provider   = aws.account_999999999999_eu_west_1",
        ]
    );
}

#[test]
fn every_resource_names_a_provider_that_is_defined() {
    for (name, arguments) in SET_UPS {
        let text = printed(arguments, &["--format", "terraform"]);
        let resources = blocks(&text, "resource ");
        assert!(!resources.is_empty(), "{name}");
        for block in resources {
            let provider = block
                .lines()
                .find(|line| line.trim_start().starts_with("provider "))
                .and_then(|line| line.split_once("= aws."))
                .map(|(_, alias)| alias.to_owned())
                .unwrap_or_else(|| panic!("{name}: {block}"));
            let is_it = |block: &&str| {
                block.contains("provider \"aws\"") && block.contains(&format!("= \"{provider}\""))
            };
            let providers = blocks(&text, "provider ");
            assert!(providers.iter().any(is_it), "{name}: {provider}");
        }
    }
}

#[test]
fn every_variable_and_data_source_is_defined() {
    for (name, arguments) in SET_UPS {
        let text = printed(arguments, &["--format", "terraform"]);
        for (mark, define) in [("var.", "variable "), ("data.", "data ")] {
            for rest in text.split(mark).skip(1) {
                let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
                let mut names = rest.split(end);
                let defined = match mark {
                    "var." => format!("{define}\"{}\"", names.next().expect("a name")),
                    _ => format!(
                        "{define}\"{}\" \"{}\"",
                        names.next().expect("a type"),
                        names.next().expect("a name")
                    ),
                };
                assert!(text.contains(&defined), "{name}: {defined}");
            }
        }
    }
}

#[test]
fn a_policy_of_its_own_is_attached_to_roles() {
    for (name, arguments) in SET_UPS {
        let text = printed(arguments, &["--format", "terraform"]);
        let created = blocks(&text, "resource \"aws_iam_policy\"").len();
        let attached = blocks(&text, "resource \"aws_iam_role_policy_attachment\"").len();
        assert_eq!(created, attached, "{name}");
    }
}
