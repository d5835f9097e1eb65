//! Failures on this machine, or in its network.

use super::common::{HOST, TestEnvironment};
use super::{Ward, app};

#[test]
fn offline() {
    let mut ward = Ward::new();
    ward.registry.proxy().forget(HOST);
    // A port without a listener.
    ward.environment
        .set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    ward.says("offline", 1, &[&app()]);
}

#[test]
fn the_registry_alone_cannot_be_reached() {
    let ward = Ward::new();
    ward.registry.proxy().forget(HOST);
    ward.says("registry_unreachable", 1, &[&app()]);
}

#[test]
fn a_clock_that_is_wrong() {
    let ward = Ward::new();
    ward.registry.set_clock_offset(600);
    ward.says("clock", 0, &[&app()]);
}

#[test]
fn an_invalid_configuration() {
    let ward = Ward::new();
    ward.environment
        .config("[[registry]]\nmatch = \"*\"\nprofil = \"work\"\n");
    ward.says("config_broken", 1, &[&app()]);
}

#[cfg(unix)]
#[test]
fn a_cache_that_other_users_can_write() {
    use std::os::unix::fs::PermissionsExt as _;

    let ward = Ward::new();
    ward.environment.get(HOST).grant();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(ward.environment.cache(), open).expect("a mode");
    ward.says("cache_open", 0, &[&app()]);
}

#[test]
fn an_unusable_cache_entry() {
    let ward = Ward::new();
    ward.environment.get(HOST).grant();
    let entry = ward.environment.entries().remove(0);
    std::fs::write(&entry, "{").expect("a file");
    // Ward::says reads the token in each entry, and this entry has none.
    let told = ward.doctor(&[&app()]);
    let words = "no tokens, 1 unusable";
    assert!(told.stdout.contains(words), "{}", told.stdout);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(entry.exists());
}

#[test]
fn the_cache_is_disabled() {
    let mut ward = Ward::new();
    ward.environment.set("AWS_ECR_DISABLE_CACHE", "1");
    ward.says("cache_off", 0, &[&app()]);
}

/// In the snapshots it is the first one. Links are resolved for the comparison.
#[test]
fn a_program_that_clients_do_not_start_is_not_called_the_first_on_path() {
    let mut ward = Ward::new();
    ward.environment.set("PATH", "/nowhere");
    let told = ward.doctor(&[&app()]);
    assert!(!told.stdout.contains("first on PATH"), "{}", told.stdout);
    let bad = "✗ docker-credential-ecrx is not on PATH, so pulls fail";
    assert!(told.stdout.contains(bad), "{}", told.stdout);
}

#[test]
fn a_certificate_bundle_does_not_exist() {
    let mut ward = Ward::new();
    ward.environment.set("AWS_CA_BUNDLE", "/nowhere/bundle.pem");
    ward.says("bundle_missing", 1, &[&app()]);
}

#[test]
fn a_misspelled_variable_is_reported_without_a_registry_too() {
    let mut ward = Ward::new();
    ward.environment.set("ECRX_PROFIL", "work");
    let told = ward.doctor(&[]);
    let lines = "✗ unknown variable ECRX_PROFIL; did you mean ECRX_PROFILE?\n    \
                 Rename or unset ECRX_PROFIL\n";
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stdout.contains(lines), "{}", told.stdout);
    // With one, the variable is the reason for the missing identity, and reported once.
    let told = ward.doctor(&[&app()]);
    let before = told.stdout.split("AWS identity\n").next();
    assert!(
        !before.is_some_and(|it| it.contains("ECRX_PROFIL")),
        "{told:?}"
    );
    assert!(told.stdout.contains(lines), "{}", told.stdout);
}

#[test]
fn an_invalid_target_is_a_usage_error() {
    let environment = TestEnvironment::new();
    let told = environment.run(&["doctor", "docker.io/library/busybox"], "");
    let line = "`docker.io/library/busybox` is not an ECR registry. Expected HOST (111122223333.dkr.ecr.eu-west-1.amazonaws.com), ACCOUNT/REGION (111122223333/eu-west-1), an image, or a custom host name from a config.toml rule";
    assert_eq!(told.code, Some(2));
    assert_eq!(told.stdout, "");
    assert_eq!(told.stderr, format!("docker-credential-ecrx: {line}\n"));
}
