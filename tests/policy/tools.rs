//! The documents as other programs read them: an IAM policy linter, an AWS mock that checks them,
//! and a parser of Terraform's language.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::common::TestEnvironment;
use crate::set_ups::{SET_UPS, parts, printed};

/// Runs a Python program with the tools on this input, and returns its output.
#[track_caller]
fn python(program: &str, input: &Value) -> Value {
    let folder = std::env::var_os("ECRX_TEST_CLIENTS").expect("ECRX_TEST_CLIENTS");
    let python = PathBuf::from(folder).join("venv/bin/python");
    let mut environment = TestEnvironment::new();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        environment.set(name, "testing");
    }
    let arguments = ["-W", "ignore", "-c", program];
    let outcome = environment.run_program(&python, &arguments, input.to_string());
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(0), ""),
        "{outcome:?}"
    );
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

/// The findings for each document, as `ISSUE: DETAIL`.
const PARLIAMENT: &str = r#"
import json, sys
import parliament

def findings(document):
    policy = parliament.analyze_policy_string(json.dumps(document))
    return [f"{finding.issue}: {finding.detail}" for finding in policy.findings]

print(json.dumps([findings(document) for document in json.load(sys.stdin)]))
"#;

fn lint(documents: &[Value]) -> Vec<Vec<String>> {
    serde_json::from_value(python(PARLIAMENT, &documents.into())).expect("texts")
}

/// The linter supports identity policies only. Repository policies and trust policies cannot name
/// their resource. They are checked once as they are, which gives one finding, and once with a
/// resource, which gives none.
#[test]
#[ignore = "needs parliament: .ci/run installs it"]
fn a_policy_linter_has_no_findings() {
    const NO_RESOURCE: &str = "MALFORMED: Statement contains neither Resource nor NotResource";
    let mut whole = Vec::new();
    let mut without = Vec::new();
    for (_, arguments) in SET_UPS {
        for part in parts(arguments) {
            let mut document = part["document"].clone();
            match part["kind"].as_str().expect("a kind") {
                "repository-policy" | "trust-policy" => {
                    without.push(document.clone());
                    let statements = document["Statement"].as_array_mut().expect("statements");
                    for statement in statements {
                        assert!(statement.get("Resource").is_none(), "{statement}");
                        statement["Resource"] = part["of"].clone();
                    }
                }
                "registry-policy" | "identity-policy" => {}
                kind => panic!("{kind}"),
            }
            whole.push(document);
        }
    }
    for (document, findings) in whole.iter().zip(lint(&whole)) {
        assert_eq!(findings, Vec::<String>::new(), "{document:#}");
    }
    for (document, findings) in without.iter().zip(lint(&without)) {
        let statements = document["Statement"].as_array().expect("statements");
        assert_eq!(
            findings,
            vec![NO_RESOURCE; statements.len()],
            "{document:#}"
        );
    }
    assert!(whole.len() > without.len() && !without.is_empty());
}

#[test]
#[ignore = "needs parliament: .ci/run installs it"]
fn the_policy_linter_would_find_mistakes() {
    let document = |action: &str, resource: &str| {
        json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": action, "Resource": resource
        } })
    };
    let findings = lint(&[
        document("ecr:BatchGetImages", "*"),
        document("ecr:BatchGetImage", "*"),
        document(
            "ecr:BatchGetImage",
            "arn:aws:ecr:us-west-2:999999999999:app",
        ),
    ]);
    assert_eq!(
        findings,
        [
            ["UNKNOWN_ACTION: Unknown action ecr:BatchGetImages"],
            ["RESOURCE_STAR: ['ecr:BatchGetImage']"],
            [
                "RESOURCE_MISMATCH: [{'action': 'ecr:BatchGetImage', 'required_format': \
              'arn:*:ecr:*:*:repository/*'}]"
            ],
        ]
    );
}

/// moto runs within the process, without a network. It does not support the registry policy scope
/// V2, and rejects a registry policy with pull actions.
const MOTO: &str = r#"
import json, os, sys
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

def client(part, service, region):
    os.environ["MOTO_ACCOUNT_ID"] = part["account"] or "111122223333"
    return boto3.client(service, region_name=region)

def put(part):
    kind, region = part["kind"], part["region"] or "us-west-2"
    document, name = json.dumps(part["document"]), (part["of"] or "").rpartition("/")[2]
    iam = client(part, "iam", region)
    if kind == "repository-policy":
        ecr = client(part, "ecr", region)
        name = part["of"].partition(":repository/")[2]
        ecr.create_repository(repositoryName=name)
        ecr.set_repository_policy(
            registryId=part["account"], repositoryName=name, policyText=document
        )
        stored = ecr.get_repository_policy(repositoryName=name)["policyText"]
    elif kind == "registry-policy":
        ecr = client(part, "ecr", region)
        ecr.put_registry_policy(policyText=document)
        stored = ecr.get_registry_policy()["policyText"]
    elif kind == "trust-policy":
        # It checks the document when it is updated, not when the role is created.
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
        return iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    else:
        policy = iam.create_policy(PolicyName="policy", PolicyDocument=document)["Policy"]
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId="v1")
        return version["PolicyVersion"]["Document"]
    return json.loads(stored)

def fresh(part):
    with mock_aws():
        try:
            return put(part)
        except ClientError as error:
            return error.response["Error"]["Code"]

print(json.dumps([fresh(part) for part in json.load(sys.stdin)]))
"#;

#[test]
#[ignore = "needs moto: .ci/run installs it"]
fn an_aws_mock_accepts_and_stores_the_documents() {
    let all: Vec<Value> = SET_UPS
        .iter()
        .flat_map(|(_, arguments)| parts(arguments))
        .collect();
    let stored = python(MOTO, &all.clone().into());
    let stored = stored.as_array().expect("a list");
    assert_eq!(stored.len(), all.len());
    for (part, stored) in all.iter().zip(stored) {
        if part["kind"] == "registry-policy" {
            assert_eq!(stored, "InvalidParameterException", "moto supports V2 now")
        } else {
            assert_eq!(stored, &part["document"], "{}", part["heading"])
        }
    }
}

#[test]
#[ignore = "needs moto: .ci/run installs it"]
fn the_aws_mock_would_reject_mistakes() {
    let statement = |action: &str, principal: Option<&str>| {
        let mut statement = json!({ "Effect": "Allow", "Action": action });
        match principal {
            Some(principal) => statement["Principal"] = json!({ "AWS": principal }),
            None => statement["Resource"] = json!("*"),
        }
        json!({ "Version": "2012-10-17", "Statement": statement })
    };
    let part = |kind: &str, document: Value| {
        let of = "arn:aws:ecr:us-west-2:999999999999:repository/team/app";
        json!({ "kind": kind, "account": "999999999999", "region": null, "of": of, "document": document })
    };
    let root = Some("arn:aws:iam::111122223333:root");
    let answers = python(
        MOTO,
        &json!([
            part("identity-policy", statement("ecr", None)),
            part("identity-policy", statement("ecr:BatchGetImage", root)),
            part("trust-policy", statement("ecr:BatchGetImage", root)),
            part("repository-policy", json!("no document")),
        ]),
    );
    assert_eq!(
        answers,
        json!([
            "MalformedPolicyDocument",
            "MalformedPolicyDocument",
            "MalformedPolicyDocument",
            "InvalidParameterException",
        ])
    );
}

/// The documents in each text, in order. The parser writes a call as text, and `=` after keys.
const HCL: &str = r#"
import json, sys
import hcl2

def documents(text):
    for resource in hcl2.loads(text)["resource"]:
        for named in resource.values():
            for attributes in named.values():
                for value in attributes.values():
                    if isinstance(value, str) and value.startswith("${jsonencode("):
                        call = value.removeprefix("${jsonencode(").removesuffix(")}")
                        yield json.loads(call.replace('" = ', '": '))

print(json.dumps([list(documents(text)) for text in json.load(sys.stdin)]))
"#;

#[test]
#[ignore = "needs python-hcl2: .ci/run installs it"]
fn terraform_reads_the_same_documents() {
    let texts: Vec<String> = SET_UPS
        .iter()
        .map(|(_, arguments)| printed(arguments, &["--format", "terraform"]))
        .collect();
    let expected: Vec<Vec<Value>> = SET_UPS
        .iter()
        .map(|(_, arguments)| {
            let documents = parts(arguments).into_iter();
            documents.map(|mut part| part["document"].take()).collect()
        })
        .collect();
    assert_eq!(python(HCL, &json!(texts)), json!(expected));
}
