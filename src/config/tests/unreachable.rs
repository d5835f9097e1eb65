//! Rules that never have a say, and those that seem so and have one.

use super::*;
use crate::config::Why;

/// The lines of the rules that never have a say, each with those that have it instead.
fn unreachable(rules: &[&str]) -> Vec<String> {
    let text: Vec<String> = rules
        .iter()
        .map(|rule| format!("[[registry]]\n{}\n", rule.replace("; ", "\n")))
        .collect();
    // Every rule has six lines, so that the places are easy to tell.
    let text: String = text
        .iter()
        .map(|rule| format!("{rule}{}", "\n".repeat(6 - rule.lines().count())))
        .collect();
    let number = |line: usize| line.div_ceil(6);
    config(&text)
        .unreachable_rules()
        .iter()
        .map(|rule| {
            let this = number(rule.origin.line);
            match &rule.why {
                Why::EarlierRules(origins) => {
                    let by: Vec<String> = origins
                        .iter()
                        .map(|origin| number(origin.line).to_string())
                        .collect();
                    format!("{this} by {}", by.join(","))
                }
                Why::HostTaken { by, registry } => {
                    format!("{this} taken by {} for {registry}", number(by.line))
                }
            }
        })
        .collect()
}

const OWN: &str =
    "match = \"images.example.com\"; account = \"111122223333\"; region = \"eu-west-1\"";

#[test]
fn a_rule_is_idle_when_all_it_says_is_said_before_for_all_its_registries() {
    let all = "match = \"*\"; profile = \"a\"";
    let account = "match = \"111122223333\"; profile = \"a\"";
    let other_account = "match = \"999999999999\"; profile = \"a\"";
    let region = "match = \"111122223333/eu-west-1\"; profile = \"a\"";
    let china = "match = \"aws-cn\"; profile = \"a\"";
    let in_china = "match = \"111122223333/cn-north-1\"; profile = \"a\"";
    let two = "match = \"*\"; accounts = [\"111122223333\", \"999999999999\"]; profile = \"a\"";
    let public = "match = \"public.ecr.aws\"; profile = \"a\"";
    let cases: [(&[&str], &[&str]); 14] = [
        (&[], &[]),
        (&[all, account], &["2 by 1"]),
        (&[account, all], &[]),
        (&[account, region], &["2 by 1"]),
        (&[region, account], &[]),
        (&[region, region], &["2 by 1"]),
        (&[china, in_china], &["2 by 1"]),
        (&[china, region], &[]),
        (&[china, account], &[]),
        (&[all, public], &[]),
        (&[public, all, public], &["3 by 1"]),
        // Together they leave nothing over.
        (&[account, other_account, two], &["3 by 1,2"]),
        (&[account, two], &[]),
        (&[two, account, other_account, all], &["2 by 1", "3 by 1"]),
    ];
    for (rules, expected) in cases {
        assert_eq!(unreachable(rules), expected, "{rules:?}");
    }
}

#[test]
fn a_rule_for_repositories_is_idle_after_one_for_all_of_them() {
    let all = "match = \"*\"; profile = \"a\"";
    let registry = "match = \"111122223333/eu-west-1\"; profile = \"a\"";
    let other_registry = "match = \"111122223333/eu-west-2\"; profile = \"a\"";
    let team = "match = \"111122223333/eu-west-1/team/*\"; profile = \"a\"";
    let by_host =
        "match = \"111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/*\"; profile = \"a\"";
    let sub = "match = \"111122223333/eu-west-1/team/sub/*\"; profile = \"a\"";
    let app = "match = \"111122223333/eu-west-1/team/app\"; profile = \"a\"";
    let team2 = "match = \"111122223333/eu-west-1/team2/app\"; profile = \"a\"";
    let age = "match = \"111122223333/eu-west-1\"; max_age_seconds = 600";
    let team_and_age =
        "match = \"111122223333/eu-west-1/team/*\"; profile = \"a\"; max_age_seconds = 700";
    let cases: [(&[&str], &[&str]); 12] = [
        (&[all, team], &["2 by 1"]),
        (&[registry, app], &["2 by 1"]),
        (&[other_registry, app], &[]),
        (&[team, registry, all], &[]),
        (&[team, by_host], &["2 by 1"]),
        (&[team, sub, app], &["2 by 1", "3 by 1"]),
        (&[app, sub, team], &[]),
        (&[team, team2], &[]),
        (&[app, app], &["2 by 1"]),
        (&[age, team], &[]),
        (&[age, team_and_age], &[]),
        (&[age, team, team_and_age], &["3 by 1,2"]),
    ];
    for (rules, expected) in cases {
        assert_eq!(unreachable(rules), expected, "{rules:?}");
    }
}

#[test]
fn every_partition_together_is_everything() {
    let partitions = [
        "aws",
        "aws-cn",
        "aws-us-gov",
        "aws-eusc",
        "aws-iso",
        "aws-iso-b",
        "aws-iso-e",
        "aws-iso-f",
    ];
    let rules: Vec<String> = partitions
        .iter()
        .chain([&"*"])
        .map(|name| format!("match = \"{name}\"; profile = \"a\""))
        .collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    assert_eq!(unreachable(&rules), ["9 by 1,2,3,4,5,6,7,8"]);
    assert_eq!(unreachable(&rules[1..]), [""; 0]);
}

#[test]
fn what_a_rule_says_besides_counts_by_itself() {
    let url = "endpoint_url = \"https://a.example\"";
    let sts = "sts_endpoint_url = \"https://b.example\"";
    let all = |says: &str| format!("match = \"*\"; {says}");
    let one = |says: &str| format!("match = \"111122223333\"; {says}");
    let cases: [(Vec<String>, &[&str]); 8] = [
        // A rule without an identity leaves that to the next.
        (vec![all(url), one("profile = \"a\"")], &[]),
        (vec![all("profile = \"a\""), one(url)], &[]),
        (vec![all(url), one(url)], &["2 by 1"]),
        (vec![all(url), one(sts)], &[]),
        (vec![all(url), one(&format!("{url}; profile = \"a\""))], &[]),
        (
            vec![
                all(url),
                all("profile = \"a\""),
                one(&format!("{url}; profile = \"b\"")),
            ],
            &["3 by 1,2"],
        ),
        (
            vec![all("max_age_seconds = 600"), one("max_age_seconds = 60")],
            &["2 by 1"],
        ),
        (
            vec![
                all("max_age_seconds = 600"),
                all(sts),
                one(&format!("max_age_seconds = 60; {sts}; profile = \"a\"")),
            ],
            &[],
        ),
    ];
    for (rules, expected) in cases {
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        assert_eq!(unreachable(&rules), expected, "{rules:?}");
    }
}

#[test]
fn a_host_of_ones_own_says_which_registry_it_is() {
    let named = format!("{OWN}; profile = \"a\"");
    let with_port = OWN.replace("example.com", "example.com:8443");
    let other = OWN.replace("eu-west-1", "eu-west-2");
    let other_with_port = with_port.replace("eu-west-1", "eu-west-2");
    let all = "match = \"*\"; profile = \"a\"";
    let cases: [(&[&str], &[&str]); 10] = [
        // No other rule maps the host to a registry.
        (&[all, OWN], &[]),
        (&[all, &named], &[]),
        (&[OWN, OWN], &["2 by 1"]),
        // The first one has no identity.
        (&[OWN, &named], &[]),
        (&[all, OWN, &named], &["3 by 1,2"]),
        (&[OWN, &other], &["2 taken by 1 for 111122223333/eu-west-1"]),
        // A name without a port is for every port, and its registry is called by it.
        (
            &[OWN, &with_port],
            &["2 taken by 1 for 111122223333/eu-west-1"],
        ),
        (&[&with_port, OWN], &[]),
        (
            &[OWN, &other_with_port],
            &["2 taken by 1 for 111122223333/eu-west-1"],
        ),
        (&[&other_with_port, OWN], &[]),
    ];
    for (rules, expected) in cases {
        assert_eq!(unreachable(rules), expected, "{rules:?}");
    }
}

#[test]
fn a_thousand_rules_are_judged_in_no_time() {
    let mut text = String::new();
    for number in 0..1000 {
        text.push_str(&format!(
            "[[registry]]\nmatch = \"{number:012}\"\nprofile = \"a\"\n"
        ));
    }
    text.push_str("[[registry]]\nmatch = \"*\"\nprofile = \"a\"\n");
    assert_eq!(config(&text).unreachable_rules(), []);
}
