//! The hosts that are selected, and the keys that clients look up.

use super::common::PROGRAM;
use super::{HOST, Setup};

#[test]
fn hosts_are_written_as_clients_send_them() {
    let table = [
        (HOST.to_owned(), HOST),
        ("111122223333/eu-west-1".to_owned(), HOST),
        (format!("{HOST}/team/app:v1"), HOST),
        (format!("https://{HOST}/"), HOST),
        (format!("https://{HOST}:443/"), HOST),
        (HOST.to_uppercase(), HOST),
        (
            "public.ecr.aws/docker/library/busybox".to_owned(),
            "public.ecr.aws",
        ),
        (
            format!("{HOST}:443/app"),
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com:443",
        ),
        (
            "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com".to_owned(),
            "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com",
        ),
        ("images.example.com/app".to_owned(), "images.example.com"),
        (
            "images.example.com:5000/app".to_owned(),
            "images.example.com:5000",
        ),
        (
            "mirror.example.com:8443".to_owned(),
            "mirror.example.com:8443",
        ),
    ];
    for (text, key) in table {
        let setup = Setup::new();
        setup.environment.config(OWN);
        setup.configured(&[&text]);
        let expected = format!("{{\n\t\"credHelpers\": {{\n\t\t\"{key}\": \"ecrx\"\n\t}}\n}}\n");
        assert_eq!(setup.docker(), expected, "{text}");
    }
}

const OWN: &str = "\
[[registry]]
match = \"images.example.com\"
account = \"111122223333\"
region = \"eu-west-1\"

[[registry]]
match = \"mirror.example.com:8443\"
account = \"111122223333\"
region = \"eu-west-1\"

[[registry]]
match = \"111122223333/eu-west-1\"
profile = \"work\"

[[registry]]
match = \"999999999999\"
profile = \"work\"

[[registry]]
match = \"aws-cn\"
profile = \"china\"

[[registry]]
match = \"public.ecr.aws\"
profile = \"work\"

[[registry]]
match = \"*\"
profile = \"work\"
";

#[test]
fn all_selects_the_hosts_in_config_toml_and_names_the_rules_without_one() {
    let setup = Setup::new();
    setup.environment.config(OWN);
    let told = setup.configured(&["--all"]);
    let (_, told) = told.split_once("\n\n").expect("a gap");
    assert_eq!(
        told,
        "\
✓ created ~/.docker/config.json
· skipped: ~/.config/docker-credential-ecrx/config.toml:15: the rule for `999999999999` matches the registries of an account in all regions and names no single host
· skipped: ~/.config/docker-credential-ecrx/config.toml:19: the rule for `aws-cn` matches every registry of a partition and names no single host
· skipped: ~/.config/docker-credential-ecrx/config.toml:27: the rule for `*` matches every private registry and names no single host Pass the hosts of these registries as arguments To cover every registry, run: docker-credential-ecrx configure-docker --creds-store
"
    );
    assert_eq!(
        setup.docker(),
        format!(
            "{{
	\"credHelpers\": {{
		\"images.example.com\": \"ecrx\",
		\"mirror.example.com:8443\": \"ecrx\",
		\"{HOST}\": \"ecrx\",
		\"public.ecr.aws\": \"ecrx\"
	}}
}}
"
        )
    );
}

#[test]
fn all_selects_the_hosts_of_a_rules_accounts_in_its_region() {
    let setup = Setup::new();
    setup.environment.config(
        "[[registry]]\nmatch = \"*\"\naccounts = [\"111122223333\", \"444455556666\"]\n\
         region = \"eu-west-1\"\nweb_identity = \"github\"\n\
         role_arn = \"arn:aws:iam::{account}:role/ci-pull\"\n",
    );
    setup.configured(&["--all"]);
    for account in ["111122223333", "444455556666"] {
        let line = format!("\"{account}.dkr.ecr.eu-west-1.amazonaws.com\": \"ecrx\"");
        assert!(setup.docker().contains(&line), "{}", setup.docker());
    }
    setup.nothing_to_do(&["--all"]);
}

/// Clients look up the host as written in the image reference.
#[test]
fn all_writes_hosts_as_the_rules_spell_them() {
    let hosts = [
        "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com",
        "111122223333.dkr-ecr.eu-west-1.on.aws",
        "ecr-public.aws.com",
    ];
    let setup = Setup::new();
    let rule = |host: &str| format!("[[registry]]\nmatch = \"{host}\"\nprofile = \"p\"\n");
    setup.environment.config(&hosts.map(rule).concat());
    setup.configured(&["--all"]);
    for host in hosts {
        let line = format!("\"{host}\": \"ecrx\"");
        assert!(setup.docker().contains(&line), "{}", setup.docker());
    }
    setup.nothing_to_do(&["--all"]);
}

#[test]
fn all_without_rules_is_reported() {
    let setup = Setup::new();
    assert_eq!(
        setup.configured(&["--all"]),
        "✓ already configured: ~/.docker/config.json\n· --all selected no registry: config.toml has no [[registry]] rules\n"
    );
}

#[test]
fn a_host_that_is_not_a_registry_is_refused() {
    let setup = Setup::new();
    for text in ["ghcr.io", "ubuntu", "11112222333/eu-west-1"] {
        let told = setup.misused(&[HOST, text]);
        assert!(
            told.starts_with(&format!(
                "docker-credential-ecrx: `{text}` is not an ECR registry. Expected HOST"
            )),
            "{told}"
        );
    }
}

#[test]
fn incomplete_or_conflicting_arguments_are_refused() {
    let setup = Setup::new();
    for arguments in [
        &[][..],
        &["--dry-run"],
        &["--podman"],
        &["--profile", "work"],
        &["--all", "--profile", "work"],
        &["--undo", "--fix"],
        &["--undo", "--replace"],
        &["--undo", HOST, "--profile", "work"],
        &["--podman", "--creds-store"],
    ] {
        let outcome = setup.configure(arguments);
        assert_eq!(
            (outcome.code, &*outcome.stdout),
            (Some(2), ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn the_name_it_is_called_by_is_the_name_that_is_written() {
    let setup = Setup::new();
    let program = setup.environment.called_as("release");
    let outcome = setup
        .environment
        .run_program(&program, &["configure-docker", HOST], "");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        setup
            .docker()
            .contains(&format!("\"{HOST}\": \"ecrx-release\""))
    );

    let arguments = ["configure-docker", HOST, "--profile", "work"];
    let outcome = setup.environment.run_program(&program, &arguments, "");
    assert_eq!(outcome.code, Some(2));
    assert_eq!(
        outcome.stderr,
        "docker-credential-ecrx: docker-credential-ecrx-release always uses [identity.release] of config.toml or the AWS profile `release`, so options that add a rule have no effect\n"
    );
    assert!(PROGRAM.contains("docker-credential-ecrx"));
}

#[test]
fn the_entry_makes_clients_use_the_program() {
    let setup = Setup::new();
    setup.environment.config(OWN);
    setup.configured(&["images.example.com"]);
    let outcome = setup.environment.get("images.example.com");
    // The program accepts the host as a registry, and finds no credentials.
    assert!(outcome.stderr.contains("images.example.com"), "{outcome:?}");
}
