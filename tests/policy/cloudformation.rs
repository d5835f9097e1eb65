//! `--format cloudformation`: templates, one for each account and region.

use serde_json::{Value, json};

use crate::set_ups::{SET_UPS, parts, printed};

/// The templates of a set-up: JSON, after the comments of YAML are removed.
fn templates(arguments: &[&str]) -> Vec<Value> {
    printed(arguments, &["--format", "cloudformation"])
        .split("---\n")
        .map(|document| {
            let lines = document.lines().filter(|line| !line.starts_with('#'));
            let text: String = lines.collect();
            serde_json::from_str(&text).expect("a template")
        })
        .collect()
}

fn resources(template: &Value) -> Vec<(&str, &Value)> {
    template["Resources"]
        .as_object()
        .expect("resources")
        .values()
        .map(|resource| {
            let kind = resource["Type"].as_str().expect("a type");
            (kind, &resource["Properties"])
        })
        .collect()
}

#[test]
fn each_template_has_the_parts_that_cloudformation_requires() {
    for (name, arguments) in SET_UPS {
        for template in templates(arguments) {
            assert_eq!(template["AWSTemplateFormatVersion"], "2010-09-09", "{name}");
            let resources = template["Resources"].as_object().expect("resources");
            assert!(!resources.is_empty(), "{name}");
            for id in resources.keys() {
                assert!(id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
            }
        }
    }
}

#[test]
fn every_document_is_in_a_template() {
    for (name, arguments) in SET_UPS {
        let templates = templates(arguments);
        let properties: Vec<&Value> = templates
            .iter()
            .flat_map(resources)
            .flat_map(|(_, properties)| properties.as_object().expect("properties").values())
            .collect();
        for part in parts(arguments) {
            assert!(properties.contains(&&part["document"]), "{name}: {part}");
        }
    }
}

#[test]
fn each_kind_of_policy_is_a_resource_of_its_account() {
    let pull = templates(SET_UPS[0].1);
    let types: Vec<Vec<&str>> = pull
        .iter()
        .map(|template| resources(template).iter().map(|(kind, _)| *kind).collect())
        .collect();
    assert_eq!(
        types,
        [
            &["AWS::IAM::UserPolicy", "AWS::ECR::Repository"][..],
            &["AWS::IAM::RolePolicy"],
            &["AWS::IAM::ManagedPolicy"],
        ]
    );
    let by_role = templates(SET_UPS[2].1);
    let types: Vec<Vec<&str>> = by_role
        .iter()
        .map(|template| resources(template).iter().map(|(kind, _)| *kind).collect())
        .collect();
    assert_eq!(
        types,
        [
            &["AWS::IAM::Role", "AWS::IAM::RolePolicy"][..],
            &["AWS::SSO::PermissionSet"],
            &["AWS::IAM::RolePolicy"],
        ]
    );
    let by_organization = templates(SET_UPS[1].1);
    assert_eq!(
        resources(&by_organization[0])[0].0,
        "AWS::ECR::RegistryPolicy"
    );
}

#[test]
fn a_managed_policy_is_attached_to_the_roles_of_a_parameter() {
    let templates = templates(SET_UPS[1].1);
    let [_, member] = &templates[..] else {
        panic!("{templates:?}")
    };
    assert_eq!(
        member["Parameters"]["RoleNames"]["Type"],
        "CommaDelimitedList"
    );
    let (kind, properties) = resources(member)[0];
    assert_eq!(kind, "AWS::IAM::ManagedPolicy");
    assert_eq!(properties["Roles"], json!({ "Ref": "RoleNames" }));
}

/// A repository, role or permission set that is imported must outlive its stack.
#[test]
fn resources_that_can_be_imported_are_retained() {
    for (_, arguments) in SET_UPS {
        for template in templates(arguments) {
            for resource in template["Resources"].as_object().expect("some").values() {
                let kind = resource["Type"].as_str().expect("a type");
                let is_imported = matches!(
                    kind,
                    "AWS::ECR::Repository" | "AWS::IAM::Role" | "AWS::SSO::PermissionSet"
                );
                for key in ["DeletionPolicy", "UpdateReplacePolicy"] {
                    assert_eq!(resource[key] == "Retain", is_imported, "{resource}");
                }
            }
        }
    }
}
