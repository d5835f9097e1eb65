//! Custom host names of ECR registries: mirrors, CNAMEs, VPC endpoints.

use super::common::fake_aws::{ALICE, BOB, FakeAws};
use super::common::{NOT_FOUND, Outcome, TestEnvironment, sources};
use super::{IRELAND, session};

pub(super) const OWN: &str = "images.example.com";

/// `images.example.com` is the registry of 111122223333 in eu-west-1; with these further lines.
pub(super) fn rule(lines: &str) -> String {
    rule_for(OWN, lines)
}

fn rule_for(name: &str, lines: &str) -> String {
    format!(
        "[[registry]]\nmatch = \"{name}\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n{lines}\n"
    )
}

fn listed(environment: &TestEnvironment) -> String {
    let Outcome {
        code,
        stdout,
        stderr,
    } = environment.run(&["list"], "unused");
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    stdout
}

#[test]
fn every_spelling_gets_the_token_of_the_registry_behind_the_name() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    for written in [OWN, "Images.Example.COM", "https://images.example.com/"] {
        environment.config(&rule_for(written, ""));
        for sent in [
            "images.example.com",
            "IMAGES.Example.Com",
            "images.example.com.",
            "images.example.com:443",
            "images.example.com:5000",
            "https://images.example.com",
            "https://images.example.com/",
            "https://images.example.com:443/v2/",
            "http://images.example.com:80",
            "images.example.com/team/app",
        ] {
            aws.clear();
            let outcome = environment.get(sent);
            let grant = outcome.grant();
            assert_eq!(outcome.answer()["ServerURL"], sent);
            assert_eq!(grant.principal, ALICE.2, "{sent}");
            assert_eq!(grant.region, "eu-west-1", "{sent}");
            assert_eq!(grant.registry_ids, ["111122223333"], "{sent}");
            let calls = aws.calls();
            assert_eq!(calls.len(), 1, "{sent}");
            assert_eq!(calls[0].registry_ids(), ["111122223333"], "{sent}");
            assert_eq!(calls[0].signed_region.as_deref(), Some("eu-west-1"));
        }
    }
}

#[test]
fn name_with_a_port_is_for_that_port_alone() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(&format!(
        "{}[[registry]]\nmatch = \"10.0.0.5:8443\"\naccount = \"999999999999\"\nregion = \"us-west-2\"\n",
        rule_for("images.example.com:5000", "")
    ));
    for (sent, account) in [
        ("images.example.com:5000", "111122223333"),
        ("https://images.example.com:5000/v2/", "111122223333"),
        ("10.0.0.5:8443", "999999999999"),
    ] {
        assert_eq!(environment.get(sent).grant().registry_ids, [account]);
    }
    aws.clear();
    for sent in [
        "images.example.com",
        "images.example.com:443",
        "images.example.com:50000",
        "10.0.0.5",
        "10.0.0.5:8444",
    ] {
        environment.get(sent).failed_with(NOT_FOUND, "");
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn rule_of_every_port_speaks_for_a_name_with_one_too() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "work");
    environment.config(&format!(
        "{}{}",
        rule_for("images.example.com:5000", ""),
        rule("profile = \"work\"")
    ));
    for sent in ["images.example.com:5000", "images.example.com"] {
        assert_eq!(environment.get(sent).grant().principal, BOB.2, "{sent}");
    }
}

#[test]
fn what_only_looks_like_an_own_name_gets_nothing_and_aws_hears_nothing() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(&format!(
        "{}[[registry]]\nmatch = \"*\"\nendpoint_url = \"{}\"\n",
        rule(""),
        aws.url()
    ));
    environment.get(OWN).answer();
    aws.clear();
    for sent in [
        "images.example.com.evil.example",
        "evil.example/images.example.com",
        "https://evil.example/images.example.com",
        "evil.example?images.example.com",
        "evil.example#images.example.com",
        "images.example.com@evil.example",
        "images.example.com:443@evil.example",
        "alice@images.example.com",
        "https://alice:secret@images.example.com",
        "images.example.com..",
        ".images.example.com",
        "x.images.example.com",
        "ximages.example.com",
        "images-example.com",
        "images.example.co",
        "example.com",
        "images.example.com:",
        "images.example.com:0",
        "images.example.com:x",
        "images.example.com:65536",
        "images.example.com\\evil.example",
        "images.example.com evil.example",
        "ftp://images.example.com",
        "https:images.example.com",
        "https://https://images.example.com",
        "ımages.example.com",
        "ghcr.io",
        "https://index.docker.io/v1/",
    ] {
        let outcome = environment.get(sent);
        assert_eq!(
            (
                outcome.code,
                outcome.stdout.as_str(),
                outcome.stderr.as_str()
            ),
            (Some(1), NOT_FOUND, ""),
            "{sent}"
        );
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn first_rule_that_names_the_host_says_which_registry_it_is() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(&format!(
        "{}[[registry]]\nmatch = \"{OWN}\"\naccount = \"999999999999\"\nregion = \"us-west-2\"\nprofile = \"never\"\n",
        rule("")
    ));
    let grant = environment.get(OWN).grant();
    assert_eq!(grant.registry_ids, ["111122223333"]);
    assert_eq!(grant.principal, ALICE.2);
}

/// `get` would go to AWS for it, which it may not be able to do.
#[test]
fn list_leaves_out_names_that_an_earlier_rule_puts_before_another_registry() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for name in [OWN, "images.example.com:5000"] {
        environment.config(&format!(
            "[[registry]]\nmatch = \"{OWN}\"\naccount = \"999999999999\"\nregion = \"us-west-2\"\n{}",
            rule_for(name, "")
        ));
        environment.get(IRELAND).answer();
        assert_eq!(listed(&environment), format!("{{\"{IRELAND}\":\"AWS\"}}\n"));
    }
}

#[test]
fn rule_without_an_identity_leaves_it_to_the_next_that_has_one() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "work");
    let of_account = "[[registry]]\nmatch = \"111122223333\"\nprofile = \"work\"\n";
    let role = "role_arn = \"arn:aws:iam::{account}:role/own-{region}\"";
    for (config, own, ecr) in [
        (rule(""), ALICE.2.to_owned(), ALICE.2),
        (format!("{}{of_account}", rule("")), BOB.2.to_owned(), BOB.2),
        // An identity in the rule of a name is used only for that name.
        (
            format!("{}{of_account}", rule(role)),
            session("111122223333", "own-eu-west-1"),
            BOB.2,
        ),
        (
            format!("{of_account}{}", rule(role)),
            BOB.2.to_owned(),
            BOB.2,
        ),
    ] {
        environment.config(&config);
        assert_eq!(environment.get(OWN).grant().principal, own, "{config}");
        assert_eq!(environment.get(IRELAND).grant().principal, ecr, "{config}");
    }
}

#[test]
fn variables_of_the_account_behind_the_name_speak_for_it() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "work");
    environment.config(&rule("profile = \"never\""));
    environment
        .set("ECRX_PROFILE", "never")
        .set("ECRX_PROFILE_111122223333", "work");
    assert_eq!(environment.get(OWN).grant().principal, BOB.2);
}

#[test]
fn own_name_shares_the_entry_with_the_registrys_other_names() {
    for (first, second) in [(OWN, IRELAND), (IRELAND, OWN)] {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        environment.config(&rule(""));
        let cold = environment.get(first).grant();
        assert_eq!(environment.get(second).grant(), cold);
        assert_eq!(aws.calls().len(), 1);
        assert_eq!(environment.entries().len(), 1);
        assert_eq!(
            listed(&environment),
            format!("{{\"{IRELAND}\":\"AWS\",\"{OWN}\":\"AWS\"}}\n"),
            "{first} first"
        );
    }
}

#[test]
fn list_leaves_out_names_that_another_identity_would_answer_for() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "work");
    environment.config(&rule("profile = \"work\""));
    environment.get(OWN).answer();
    assert_eq!(listed(&environment), format!("{{\"{OWN}\":\"AWS\"}}\n"));
    environment.get(IRELAND).answer();
    assert_eq!(
        listed(&environment),
        format!("{{\"{IRELAND}\":\"AWS\",\"{OWN}\":\"AWS\"}}\n")
    );
    assert_eq!(environment.entries().len(), 2);
    // Without the rule, the host is not a registry.
    environment.config("");
    assert_eq!(listed(&environment), format!("{{\"{IRELAND}\":\"AWS\"}}\n"));
    environment.get(OWN).failed_with(NOT_FOUND, "");
}

#[test]
fn logout_of_an_own_name_drops_its_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(&rule(""));
    for spelling in [OWN, "https://images.example.com", "IMAGES.example.com:443"] {
        environment.get(OWN).answer();
        assert_eq!(environment.entries().len(), 1);
        let erased = environment.run(&["erase"], spelling);
        assert_eq!(
            (erased.code, erased.stdout.as_str(), erased.stderr.as_str()),
            (Some(0), "", "")
        );
        assert_eq!(environment.entries().len(), 0, "{spelling}");
    }
}

#[test]
fn login_to_an_own_name_succeeds_and_keeps_nothing() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(&rule(""));
    let login = format!("{{\"ServerURL\":\"{OWN}\",\"Username\":\"AWS\",\"Secret\":\"x\"}}\n");
    let stored = environment.run(&["store"], login);
    assert_eq!((stored.code, stored.stdout.as_str()), (Some(0), ""));
    assert_eq!(
        stored.stderr,
        format!(
            "docker-credential-ecrx: no password was saved: credentials for {OWN} are requested on demand; identity: the access key {}; selected by the variable AWS_ACCESS_KEY_ID\n",
            ALICE.0
        )
    );
}
