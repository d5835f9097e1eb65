//! A cache that came with a machine image: the machine's boot id differs, all else is the same.
//! The executable runs in a mount namespace of its own, with a file in the boot id's place.

use super::ECR;
use super::common::fake_aws::{ALICE, FakeAws};
use super::common::{HOST, Outcome, PROGRAM, TestEnvironment, sources};

const MOUNT: &str = r#"mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$1" get"#;

/// A `get` on a machine that was booted as this.
fn get_on(environment: &TestEnvironment, boot_id: &str) -> Outcome {
    let file = environment.write("boot_id", &format!("{boot_id}\n"));
    let file = file.display().to_string();
    let arguments = [
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        MOUNT,
        &file,
        PROGRAM,
    ];
    environment.run_program("unshare", &arguments, HOST)
}

const HERE: &str = "11111111-1111-4111-8111-111111111111";
const ELSEWHERE: &str = "22222222-2222-4222-8222-222222222222";

/// A token of a source that is something on this machine serves here alone.
#[track_caller]
fn stays_here(environment: &TestEnvironment, aws: &FakeAws, name: &str) {
    for (boot_id, requests) in [
        (HERE, 1),
        (HERE, 0),
        (ELSEWHERE, 1),
        (ELSEWHERE, 0),
        (HERE, 1),
    ] {
        aws.clear();
        get_on(environment, boot_id).grant();
        assert_eq!(aws.count(ECR), requests, "{name} at {boot_id}");
        assert_eq!(environment.entries().len(), 1, "{name} at {boot_id}");
    }
}

#[test]
#[ignore = "needs root, for a mount namespace"]
fn a_machine_image_does_not_carry_tokens_to_another_instance() {
    let aws = FakeAws::start();

    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_instance_metadata(&aws);
    stays_here(&environment, &aws, "instance metadata");

    let mut environment = TestEnvironment::with_aws(&aws);
    let url = format!("{}/v1/credentials", aws.url());
    let token = environment
        .write("pod.token", "token")
        .display()
        .to_string();
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token);
    stays_here(&environment, &aws, "a container");

    let mut environment = TestEnvironment::with_aws(&aws);
    sources::process(&mut environment, &aws, "default");
    stays_here(&environment, &aws, "a process");

    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "work");
    sources::role_of_the_instance(&mut environment, &aws, "work");
    stays_here(&environment, &aws, "a role of the instance");
}

#[test]
#[ignore = "needs root, for a mount namespace"]
fn keys_are_the_same_on_every_machine() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for boot_id in [HERE, ELSEWHERE] {
        let grant = get_on(&environment, boot_id).grant();
        assert_eq!(grant.principal, ALICE.2);
    }
    assert_eq!(aws.count(ECR), 1);
}
