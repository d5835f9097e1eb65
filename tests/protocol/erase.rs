//! `erase`: succeeds without output for any input and any state of the machine.

use std::fs;
use std::time::Duration;

use super::common::fake_aws::{ALICE, BOB, FakeAws};
use super::common::{HOST, TestEnvironment};
use super::{BROKEN, succeeds};

#[test]
fn erase_succeeds_without_output_for_any_input_and_any_state() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let ours = [HOST, "public.ecr.aws"];
    let others = ["https://index.docker.io/v1/", "{}"];
    let succeed = |environment: &TestEnvironment, inputs: [&str; 2]| {
        for input in inputs {
            succeeds(&environment.run(&["erase"], input), "");
        }
    };
    let all_succeed = |environment: &TestEnvironment| {
        succeed(environment, ours);
        succeed(environment, others);
    };
    all_succeed(&environment);
    assert!(
        !environment.home().join(".cache").exists(),
        "nothing to erase, nothing made"
    );

    environment.get(HOST).answer();
    // Other hosts may belong to the other helper: `tests/creds_store/configuration.rs`.
    environment.config(BROKEN);
    succeed(&environment, ours);
    fs::remove_file(
        environment
            .home()
            .join(".config/docker-credential-ecrx/config.toml"),
    )
    .expect("a file");

    environment.aws_config("[default\n");
    all_succeed(&environment);

    environment.set("ECRX_CONFIG", "/nonexistent/ecrx.toml");
    succeed(&environment, ours);
    environment.unset("ECRX_CONFIG");

    let file = environment.write("file", "");
    environment.set("AWS_ECR_CACHE_DIR", &file.display().to_string());
    all_succeed(&environment);
    environment.set("AWS_ECR_CACHE_DIR", "/nonexistent/cache");
    all_succeed(&environment);
    environment.unset("AWS_ECR_CACHE_DIR");
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    all_succeed(&environment);

    assert_eq!(aws.calls().len(), 1, "the get alone");
}

#[test]
fn erase_deletes_a_damaged_entry() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    let entries = environment.entries();
    fs::write(&entries[0], "garbage").expect("an entry");
    succeeds(&environment.run(&["erase"], HOST), "");
    assert_eq!(environment.entries(), Vec::<std::path::PathBuf>::new());
}

#[cfg(unix)]
#[test]
fn erase_succeeds_without_output_if_the_cache_is_read_only() {
    use std::os::unix::fs::PermissionsExt as _;

    use super::common::files::am_root;

    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    let mode = |mode| {
        fs::set_permissions(environment.cache(), fs::Permissions::from_mode(mode)).expect("mode");
    };
    mode(0o500);
    succeeds(&environment.run(&["erase"], HOST), "");
    // Root may write everywhere: then the entry is gone.
    assert_eq!(environment.entries().len(), usize::from(!am_root()));
    mode(0o000);
    succeeds(&environment.run(&["erase"], HOST), "");
    mode(0o700);
}

#[test]
fn erase_in_any_spelling_deletes_the_token_of_get() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let spellings = [
        HOST.to_owned(),
        format!("https://{HOST}"),
        format!("http://{HOST}:443/v2/\n"),
        HOST.to_ascii_uppercase(),
    ];
    for (index, spelling) in spellings.iter().enumerate() {
        assert_eq!(environment.get(HOST).grant().serial, index + 1);
        succeeds(&environment.run(&["erase"], spelling), "");
        assert!(environment.entries().is_empty(), "{spelling}");
    }
    assert_eq!(aws.calls().len(), spellings.len());
}

#[test]
fn erase_leaves_other_registries_and_other_identities_alone() {
    let aws = FakeAws::start();
    let alice = TestEnvironment::of_alice(&aws);
    let cache = alice.home().join("cache").display().to_string();
    let with_cache = |keys: (&str, &str, &str)| {
        let mut environment = TestEnvironment::with_aws(&aws);
        environment
            .set("AWS_ECR_CACHE_DIR", &cache)
            .set("AWS_ACCESS_KEY_ID", keys.0)
            .set("AWS_SECRET_ACCESS_KEY", keys.1);
        environment
    };
    let (alice, bob) = (with_cache(ALICE), with_cache(BOB));
    let other = HOST.replace("us-west-2", "eu-west-1");
    for environment in [&alice, &bob] {
        environment.get(HOST).answer();
        environment.get(&other).answer();
    }
    assert_eq!(aws.calls().len(), 4);

    succeeds(&bob.run(&["erase"], HOST), "");
    alice.get(HOST).answer();
    alice.get(&other).answer();
    bob.get(&other).answer();
    assert_eq!(aws.calls().len(), 4, "these entries stay");
    bob.get(HOST).answer();
    assert_eq!(aws.calls().len(), 5, "this one is gone");
}

#[test]
fn erase_with_old_session_keys_leaves_the_entry_of_the_new_ones() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let hour = Duration::from_secs(3600);
    let session = |environment: &mut TestEnvironment| {
        let keys = aws.temporary_credentials(ALICE.2, hour);
        let token = keys.session_token.expect("a session");
        environment
            .set("AWS_ACCESS_KEY_ID", &keys.access_key_id)
            .set("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key)
            .set("AWS_SESSION_TOKEN", &token);
        (keys.access_key_id, keys.secret_access_key, token)
    };
    let old = session(&mut environment);
    let new = session(&mut environment);
    environment.get(HOST).answer();
    let use_keys = |environment: &mut TestEnvironment, keys: &(String, String, String)| {
        environment
            .set("AWS_ACCESS_KEY_ID", &keys.0)
            .set("AWS_SECRET_ACCESS_KEY", &keys.1)
            .set("AWS_SESSION_TOKEN", &keys.2);
    };
    use_keys(&mut environment, &old);
    succeeds(&environment.run(&["erase"], HOST), "");
    use_keys(&mut environment, &new);
    environment.get(HOST).answer();
    assert_eq!(aws.calls().len(), 1);
}
