//! A hostile AWS endpoint, registry or cache folder.

use super::common::fake_aws::{Fault, Operation, RegistryFault, Route};
use super::common::{HOST, Outcome};
use super::{Ward, app};

fn raw(status: u16, headers: &[(&str, &str)], body: &str) -> RegistryFault {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    RegistryFault::Raw(status, headers.collect(), body.to_owned())
}

#[track_caller]
fn is_plain(told: &Outcome) {
    let text = format!("{}{}", told.stdout, told.stderr);
    let is_odd = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2066}\u{200b}".contains(c);
    assert!(!text.contains(is_odd), "{text:?}");
}

#[test]
fn escapes_in_answers_are_not_shown() {
    let evil = "\\u001b[2J\\u001b]0;x\\u0007\\u009b31m\\u202e\\r\\nVerdict\\n\\u2713 all is well";
    let body = format!("{{\"errors\":[{{\"code\":\"DENIED{evil}\",\"message\":\"{evil}\"}}]}}");
    for status in [400, 401, 403, 404, 418] {
        let ward = Ward::new();
        ward.registry.on(Route::Manifest, raw(status, &[], &body));
        let told = ward.doctor(&[&app()]);
        assert_eq!(told.code, Some(1), "{told:?}");
        is_plain(&told);
        assert_eq!(
            told.stdout.matches("\nVerdict\n").count(),
            1,
            "{}",
            told.stdout
        );
    }
    let ward = Ward::new();
    let location = "https://evil\u{1b}[31m.example.com/";
    ward.registry
        .on(Route::Layer, raw(307, &[("Location", location)], ""));
    is_plain(&ward.doctor(&[&app()]));

    let ward = Ward::new();
    let body = format!("{{\"__type\":\"AccessDeniedException\",\"message\":\"{evil}\"}}");
    let fault = Fault::RawResponse(400, Vec::new(), body);
    ward.aws.on(Operation::EcrGetAuthorizationToken, fault);
    is_plain(&ward.doctor(&[&app()]));
}

#[test]
fn a_denial_that_names_anything_makes_no_statement_of_it() {
    for principal in [
        "arn:aws:iam::*:root",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::111122223333:role/a\\\",\\\"*",
        "*",
    ] {
        let ward = Ward::new();
        let body = format!(
            "{{\"errors\":[{{\"code\":\"DENIED\",\"message\":\"User: {principal} is not authorized to perform: ecr:* on resource: * because no resource-based policy allows the ecr:* action\"}}]}}"
        );
        ward.registry.on(Route::Manifest, raw(403, &[], &body));
        let told = ward.doctor(&[&app(), "--json"]);
        let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
        super::fits_the_schema(&report);
        let statement = report["verdict"]["mendings"][0]["statement"].to_string();
        assert!(!statement.contains('*'), "{principal}: {statement}");
    }
}

#[test]
fn a_denial_that_names_another_principal_adds_only_the_caller() {
    let ward = Ward::new();
    let body = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"User: arn:aws:iam::444455556666:root is not authorized to perform: ecr:BatchGetImage on resource: x because no resource-based policy allows the ecr:BatchGetImage action\"}]}";
    ward.registry.on(Route::Manifest, raw(403, &[], body));
    let told = ward.doctor(&[&app()]);
    let verdict = told.stdout.split_once("Verdict\n").expect("a verdict").1;
    assert!(!verdict.contains("444455556666"), "{verdict}");
    assert!(verdict.contains("user/alice\""), "{verdict}");
}

#[test]
fn a_denial_by_s3_does_not_change_an_ecr_policy() {
    let ward = Ward::new();
    let body = "<Error><Code>AccessDenied</Code><Message>User: arn:aws:iam::111122223333:user/alice is not authorized to perform: s3:GetObject on resource: x because no identity-based policy allows the s3:GetObject action</Message></Error>";
    ward.registry.on(Route::Storage, raw(403, &[], body));
    let told = ward.doctor(&[&app()]);
    let verdict = told.stdout.split_once("Verdict\n").expect("a verdict").1;
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(!verdict.contains("\"Action\""), "{verdict}");
}

#[test]
fn a_body_without_end_and_one_that_drips_end_with_the_time() {
    for route in [Route::Ping, Route::Manifest, Route::Layer, Route::Storage] {
        let ward = Ward::new();
        ward.environment.config("timeout_seconds = 3\n");
        ward.registry.on(route, RegistryFault::Endless);
        let told = ward.doctor_in_time(&[&app(), "--json"]);
        let report: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
        super::fits_the_schema(&report);
    }
    for route in [Route::Manifest, Route::Layer, Route::Storage, Route::Upload] {
        let ward = Ward::new();
        ward.environment.config("timeout_seconds = 3\n");
        ward.registry.on(route, RegistryFault::Hang);
        let told = ward.doctor_in_time(&[&app(), "--push"]);
        assert_eq!(told.code, Some(1), "{told:?}");
        let verdict = told.stdout.split_once("Verdict\n").expect("a verdict").1;
        assert!(verdict.contains("failed here"), "{route:?}: {verdict}");
    }
}

#[test]
fn a_silent_source_leaves_time_for_the_registry() {
    let mut ward = Ward::new();
    ward.environment.config("timeout_seconds = 6\n");
    ward.environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    ward.environment.set_container(&ward.aws);
    ward.aws.on(Operation::EcsCredentials, Fault::Hang);
    let told = ward.doctor_in_time(&[&app()]);
    assert!(
        told.stdout.contains(&format!("✓ {HOST} is reachable")),
        "{}",
        told.stdout
    );
}

#[test]
fn doctor_and_get_run_at_the_same_time() {
    let ward = Ward::new();
    let image = app();
    let doctors: Vec<_> = (0..4)
        .map(|_| ward.environment.start(&["doctor", &image], b""))
        .collect();
    let gets: Vec<_> = (0..4)
        .map(|_| ward.environment.start(&["get"], HOST.as_bytes()))
        .collect();
    for doctor in doctors {
        let told = Outcome::of(doctor);
        assert_eq!(told.code, Some(0), "{told:?}");
    }
    let serials: Vec<usize> = gets
        .into_iter()
        .map(|get| Outcome::of(get).grant().serial)
        .collect();
    assert!(
        serials.iter().all(|serial| *serial == serials[0]),
        "{serials:?}"
    );
    assert_eq!(ward.environment.entries().len(), 1);
}

#[test]
fn doctor_leaves_no_files() {
    let ward = Ward::new();
    let before = files(&ward);
    assert_eq!(ward.doctor(&[&app(), "--push"]).code, Some(0));
    assert_eq!(files(&ward), before);
}

/// All files below the home folder, but for locks.
fn files(ward: &Ward) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![ward.environment.home().to_owned()];
    while let Some(folder) = folders.pop() {
        for item in std::fs::read_dir(folder).expect("a folder") {
            let path = item.expect("an item").path();
            if path.is_dir() {
                folders.push(path)
            } else {
                found.push(path)
            }
        }
    }
    found.sort();
    found
}

#[cfg(unix)]
#[test]
fn an_unusable_cache_folder_only_prevents_caching() {
    use std::os::unix::fs::symlink;
    for what in ["file", "link", "fifo", "entries"] {
        let ward = Ward::new();
        let cache = ward.environment.cache();
        let above = cache.parent().expect("a folder");
        std::fs::create_dir_all(above).expect("folders");
        match what {
            "file" => std::fs::write(&cache, "x").expect("a file"),
            "link" => symlink("/tmp", &cache).expect("a link"),
            "fifo" => {
                let made = std::process::Command::new("mkfifo").arg(&cache).status();
                assert!(made.expect("mkfifo").success());
            }
            _ => {
                ward.environment.get(HOST).grant();
                for entry in ward.environment.entries() {
                    std::fs::remove_file(&entry).expect("removed");
                    std::fs::create_dir(&entry).expect("a folder");
                }
            }
        }
        let told = ward.doctor(&[&app()]);
        assert_eq!(told.code, Some(0), "{what}: {told:?}");
    }
}
