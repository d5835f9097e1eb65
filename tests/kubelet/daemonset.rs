//! The DaemonSet and the chart of `packaging/kubernetes`: helm and kustomize render them, and Kubernetes'
//! own types decode them.

use serde_json::{Value, json};

use crate::common::{Outcome, TestEnvironment};

use super::go_program;
use super::plugin::{decode, packaged};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const REPOSITORY: &str = "111122223333.dkr.ecr.us-west-2.amazonaws.com/ecrx";

/// The values that have no default.
const REQUIRED: [&str; 3] = [
    "image.repository=111122223333.dkr.ecr.us-west-2.amazonaws.com/ecrx",
    "image.digest=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "binDir=/etc/eks/image-credential-provider",
];

/// The one object of a manifest, as Kubernetes' strict decoder takes it.
#[track_caller]
fn decoded(manifest: &str) -> Value {
    let outcome = decode(&[], manifest);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    serde_json::from_str(&outcome.stdout).expect("one object")
}

/// `helm` with the chart and these values.
fn helm(words: &[&str], values: &[&str]) -> Outcome {
    let chart = packaged("chart").display().to_string();
    let mut arguments = [words, &[&chart]].concat();
    for value in values {
        arguments.extend(["--set-json", value]);
    }
    TestEnvironment::new().run_program(go_program("helm"), &arguments, "")
}

/// The values as JSON, which `--set-json` takes.
fn with_required<'v>(required: &'v [String], values: &[&'v str]) -> Vec<&'v str> {
    let required = required.iter().map(String::as_str);
    required.chain(values.iter().copied()).collect()
}

fn required() -> Vec<String> {
    let quoted = REQUIRED.map(|it| it.split_once('=').expect("a value"));
    quoted
        .map(|(key, value)| format!("{key}=\"{value}\""))
        .to_vec()
}

/// The DaemonSet of the chart with these values and the required ones.
#[track_caller]
fn chart(values: &[&str]) -> Value {
    let required = required();
    let values = with_required(&required, values);
    let lint = helm(&["lint", "--strict"], &values);
    assert_eq!(lint.code, Some(0), "{lint:?}");
    let words = ["template", "ecrx", "--namespace", "kube-system"];
    let outcome = helm(&words, &values);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    decoded(&outcome.stdout)
}

/// The DaemonSet of a folder with a kustomization.
#[track_caller]
fn kustomization(folder: &str) -> Value {
    let arguments = ["build", folder];
    let outcome = TestEnvironment::new().run_program(go_program("kustomize"), &arguments, "");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    decoded(&outcome.stdout)
}

fn packaged_kustomization(name: &str) -> Value {
    let folder = packaged("daemonset").join(name);
    kustomization(&folder.display().to_string())
}

/// The arguments of the init container after those that are always the same.
#[track_caller]
fn arguments(daemonset: &Value) -> Vec<&str> {
    let arguments = &daemonset["spec"]["template"]["spec"]["initContainers"][0]["args"];
    let arguments = arguments.as_array().expect("a list").iter();
    let arguments: Vec<&str> = arguments.map(|it| it.as_str().expect("a text")).collect();
    let [
        "kubelet",
        command,
        "--executable-only",
        "--bin-dir=/providers",
        rest @ ..,
    ] = &arguments[..]
    else {
        panic!("{arguments:?}");
    };
    [&[*command], rest].concat()
}

/// The folder of the node that is mounted.
#[track_caller]
fn folder(daemonset: &Value) -> &Value {
    let volumes = &daemonset["spec"]["template"]["spec"]["volumes"];
    let [volume] = &volumes.as_array().expect("a list")[..] else {
        panic!("{volumes}");
    };
    &volume["hostPath"]
}

/// Asserts that the pod can write to one folder of the node as root, and to nothing else.
#[track_caller]
fn assert_confined(daemonset: &Value) {
    assert_eq!(daemonset["kind"], "DaemonSet");
    assert_eq!(daemonset["metadata"]["namespace"], "kube-system");
    let pod = &daemonset["spec"]["template"]["spec"];
    for key in ["hostPID", "hostIPC", "hostNetwork", "serviceAccountName"] {
        assert_eq!(pod[key], Value::Null, "{key}");
    }
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    assert_eq!(pod["nodeSelector"]["kubernetes.io/os"], "linux");
    assert_eq!(pod["tolerations"], json!([{"operator": "Exists"}]));
    assert_eq!(pod["priorityClassName"], "system-node-critical");
    let [installer] = &pod["initContainers"].as_array().expect("a list")[..] else {
        panic!("{pod}");
    };
    let [pause] = &pod["containers"].as_array().expect("a list")[..] else {
        panic!("{pod}");
    };
    for container in [installer, pause] {
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false);
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}));
        assert_eq!(security["privileged"], Value::Null);
        let image = container["image"].as_str().expect("an image");
        assert!(
            image.starts_with(&format!("{REPOSITORY}@sha256:")),
            "{image}"
        );
        assert!(container["resources"]["limits"]["memory"].is_string());
    }
    assert_eq!(installer["securityContext"]["runAsUser"], 0);
    assert_eq!(
        installer["volumeMounts"],
        json!([{"name": "providers", "mountPath": "/providers"}])
    );
    assert_eq!(pause["args"], json!(["kubelet", "pause"]));
    assert_eq!(pause["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pause["volumeMounts"], Value::Null);
}

#[test]
#[ignore = "needs helm and kubelet's own code: .ci/run builds them"]
fn the_chart_mounts_one_folder_and_names_the_image_by_its_digest() {
    let daemonset = chart(&[]);
    assert_confined(&daemonset);
    assert_eq!(
        daemonset["spec"]["template"]["spec"]["containers"][0]["image"],
        format!("{REPOSITORY}@{DIGEST}")
    );
    assert_eq!(
        folder(&daemonset),
        &json!({"path": "/etc/eks/image-credential-provider", "type": "Directory"})
    );
    assert_eq!(
        arguments(&daemonset),
        ["install", "--name=docker-credential-ecrx"]
    );
}

#[test]
#[ignore = "needs helm and kubelet's own code: .ci/run builds them"]
fn the_values_of_the_chart_choose_what_is_installed_and_where_pods_run() {
    let name = "name=\"ecr-credential-provider\"";
    let daemonset = chart(&[name, "replace=true", "createBinDir=true"]);
    assert_confined(&daemonset);
    assert_eq!(
        arguments(&daemonset),
        [
            "install",
            "--name=ecr-credential-provider",
            "--replace=ecr-credential-provider"
        ]
    );
    assert_eq!(folder(&daemonset)["type"], "DirectoryOrCreate");

    let daemonset = chart(&[name, "replace=true", "uninstall=true"]);
    assert_confined(&daemonset);
    assert_eq!(
        arguments(&daemonset),
        ["uninstall", "--name=ecr-credential-provider"]
    );

    let daemonset = chart(&[
        "imagePullSecrets=[{\"name\":\"pull\"}]",
        "seLinuxOptions={\"type\":\"spc_t\"}",
        "nodeSelector={\"pool\":\"a\"}",
        "tolerations=[]",
        "affinity={}",
        "podAnnotations={\"a\":\"b\"}",
        "podLabels={\"c\":\"d\"}",
        "updateStrategy={\"rollingUpdate\":{\"maxUnavailable\":1}}",
    ]);
    let template = &daemonset["spec"]["template"];
    let pod = &template["spec"];
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "pull"}]));
    assert_eq!(pod["nodeSelector"]["pool"], "a");
    assert_eq!(pod["tolerations"], Value::Null);
    assert_eq!(template["metadata"]["annotations"], json!({"a": "b"}));
    assert_eq!(template["metadata"]["labels"]["c"], "d");
    assert_eq!(
        pod["initContainers"][0]["securityContext"]["seLinuxOptions"],
        json!({"type": "spc_t"})
    );
    assert_eq!(
        daemonset["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"],
        1
    );
}

#[test]
#[ignore = "needs helm: .ci/run builds it"]
fn helm_lints_the_chart_without_values() {
    let lint = helm(&["lint", "--strict"], &[]);
    assert_eq!(lint.code, Some(0), "{lint:?}");
}

#[test]
#[ignore = "needs helm: .ci/run builds it"]
fn without_a_required_value_helm_says_which_one_to_set() {
    let required = required();
    for (missing, told) in [
        (
            0,
            "Set image.repository to the image in your registry, without a tag",
        ),
        (
            1,
            "Set image.digest to the digest of the image (sha256:HEX)",
        ),
        (
            2,
            "Set binDir to the folder of kubelet's --image-credential-provider-bin-dir",
        ),
    ] {
        let mut values = with_required(&required, &[]);
        values.remove(missing);
        let outcome = helm(&["template", "ecrx"], &values);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains(told), "{told}: {outcome:?}");
    }
}

#[test]
#[ignore = "needs helm: .ci/run builds it"]
fn helm_refuses_values_that_are_not_in_the_schema() {
    let required = required();
    for value in [
        "image.digest=\"latest\"",
        "image.digest=\"sha256:0123\"",
        "image.tag=\"latest\"",
        "image.repository=\"docker.io/library/ecrx:1.0\"",
        "binDir=\"/\"",
        "binDir=\"/etc\"",
        "binDir=\"etc/eks\"",
        "binDir=\"/etc/../etc\"",
        "name=\"bin/ecrx\"",
        "name=\"..\"",
        "replace=\"yes\"",
        "uninstal=true",
        "updateStrategy.type=\"Recreate\"",
        "imagePullSecrets=[\"pull\"]",
    ] {
        let key = value.split(['.', '=']).next().expect("a key");
        let outcome = helm(&["template", "ecrx"], &with_required(&required, &[value]));
        assert_eq!(outcome.code, Some(1), "{value}: {outcome:?}");
        let is_of_schema = outcome.stderr.contains("specifications of the schema");
        assert!(
            is_of_schema && outcome.stderr.contains(key),
            "{value}: {outcome:?}"
        );
    }
}

#[test]
#[ignore = "needs kustomize and kubelet's own code: .ci/run builds them"]
fn the_kustomization_replaces_the_provider_of_eks_and_restores_it() {
    let name = "--name=ecr-credential-provider";
    let install = packaged_kustomization("install");
    assert_confined(&install);
    assert_eq!(
        arguments(&install),
        ["install", name, "--replace=ecr-credential-provider"]
    );
    let uninstall = packaged_kustomization("uninstall");
    assert_confined(&uninstall);
    assert_eq!(arguments(&uninstall), ["uninstall", name]);
    for daemonset in [&install, &uninstall] {
        assert_eq!(
            folder(daemonset),
            &json!({"path": "/etc/eks/image-credential-provider", "type": "Directory"})
        );
    }
}

#[test]
#[ignore = "needs kustomize and kubelet's own code: .ci/run builds them"]
fn the_patch_for_k3s_in_the_comment_of_the_kustomization_works() {
    let environment = TestEnvironment::new();
    let read = |name| std::fs::read_to_string(packaged("daemonset/install").join(name));
    let text = read("kustomization.yaml").expect("a file");
    let (rest, patch) = text.split_once("# patches:").expect("a patch");
    let patch = patch.replace("\n# ", "\n");
    let file = environment.write(
        "install/kustomization.yaml",
        &format!("{rest}patches:{patch}"),
    );
    environment.write(
        "install/daemonset.yaml",
        &read("daemonset.yaml").expect("a file"),
    );
    let daemonset = kustomization(&file.parent().expect("a folder").display().to_string());
    assert_confined(&daemonset);
    assert_eq!(arguments(&daemonset), ["install"]);
    assert_eq!(
        folder(&daemonset),
        &json!({"path": "/var/lib/rancher/credentialprovider/bin", "type": "DirectoryOrCreate"})
    );
}

/// Both have the same pods, but for names and labels.
#[test]
#[ignore = "needs helm, kustomize and kubelet's own code: .ci/run builds them"]
fn the_chart_and_the_kustomization_make_the_same_pods() {
    let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let image = format!("image.digest=\"{digest}\"");
    let of_chart = chart(&[&image, "name=\"ecr-credential-provider\"", "replace=true"]);
    let of_kustomization = packaged_kustomization("install");
    assert_eq!(
        of_chart["spec"]["template"]["spec"],
        of_kustomization["spec"]["template"]["spec"]
    );
    assert_eq!(
        of_chart["spec"]["updateStrategy"],
        of_kustomization["spec"]["updateStrategy"]
    );
}
