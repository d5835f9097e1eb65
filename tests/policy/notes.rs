//! The notes: their commands, and the facts that they state.

use serde_json::Value;

use crate::set_ups::{REPOSITORY, SET_UPS, parts, printed};

fn notes(part: &Value) -> impl Iterator<Item = &str> {
    let notes = part["notes"].as_array().expect("notes");
    notes
        .iter()
        .map(|note| note["text"].as_str().expect("text"))
}

#[test]
fn commands_are_directly_under_the_note_that_they_belong_to() {
    for form in ["text", "cli"] {
        let text = printed(SET_UPS[1].1, &["--format", form]);
        let words: Vec<&str> = text
            .split_whitespace()
            .filter(|word| *word != "#")
            .collect();
        let text = words.join(" ");
        for steps in [
            "then set it to V2: aws ecr get-account-setting --region us-west-2 --name \
             REGISTRY_POLICY_SCOPE aws ecr put-account-setting ",
            "To print the current policy, run: aws ecr get-registry-policy --region us-west-2",
            "run attach-user-policy with --user-name. aws iam attach-role-policy ",
        ] {
            assert!(text.contains(steps), "{form}: {steps}: {text}");
        }
    }
    let registry = &parts(SET_UPS[1].1)[0];
    assert_eq!(
        registry["notes"][0]["commands"][1],
        "aws ecr put-account-setting --region us-west-2 --name REGISTRY_POLICY_SCOPE --value V2"
    );
}

#[test]
fn the_json_has_every_note_that_the_text_has() {
    let words = |text: &str| -> Vec<String> {
        let plain = text.split_whitespace().filter(|word| *word != "-");
        plain.map(str::to_owned).collect()
    };
    for (name, arguments) in SET_UPS {
        let text = printed(arguments, &["--format", "text"]);
        let report: Value = serde_json::from_str(&printed(arguments, &["--json"])).expect("JSON");
        let policies = report["policies"].as_array().expect("policies").iter();
        let told: Vec<&str> = policies.chain([&report]).flat_map(notes).collect();
        let count = text.lines().filter(|line| line.starts_with("  - ")).count();
        assert_eq!(told.len(), count, "{name}");
        let text = words(&text).join(" ");
        for note in told {
            assert!(text.contains(&words(note).join(" ")), "{name}: {note}");
        }
        let last = text.rsplit_once(" Notes ").map_or("", |(_, notes)| notes);
        let general: Vec<&str> = notes(&report).collect();
        assert_eq!(general.is_empty(), last.is_empty(), "{name}: {last}");
    }
}

#[test]
fn the_power_user_note_says_that_it_covers_the_callers_own_repositories() {
    let principal = "arn:aws:iam::111122223333:role/ci";
    let arguments = [
        "--repository",
        REPOSITORY,
        "--principal",
        principal,
        "--push",
    ];
    let parts = parts(&arguments);
    let note = notes(&parts[1])
        .find(|note| note.contains("AmazonEC2ContainerRegistryPowerUser"))
        .expect("a note");
    let broader = "It is broader: it also covers all repositories in the caller's own account";
    assert!(note.contains(broader), "{note}");
}

#[test]
fn a_policy_without_a_named_role_says_how_it_is_attached() {
    for (number, part) in [(0, 2), (1, 1), (4, 2)] {
        let part = &parts(SET_UPS[number].1)[part];
        assert_eq!(
            (&part["kind"], &part["of"]),
            (&"identity-policy".into(), &Value::Null)
        );
        assert!(
            notes(part).any(|note| note.contains("attach it to each role")),
            "{part}"
        );
    }
}

#[test]
fn an_identity_center_role_is_matched_without_its_suffix() {
    let role = |suffix: &str| {
        format!("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Pull_{suffix}/alice")
    };
    let of = |session: &str| parts(&["--repository", REPOSITORY, "--principal", session]);
    let parts = of(&role("0123456789abcdef"));
    assert_eq!(parts, of(&role("fedcba9876543210")));
    assert_eq!(
        parts[0]["document"]["Statement"][0]["Condition"]["ArnLike"]["aws:PrincipalArn"],
        "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com*/AWSReservedSSO_Pull_*"
    );
}
