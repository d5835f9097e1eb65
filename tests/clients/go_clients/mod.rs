//! Clients built from Go (`tests/clients/go`), with this program in `credHelpers` and in
//! `credsStore`: what they pulled and pushed, what they asked the helper, what that asked AWS,
//! and what they show when AWS denies. `tests/client_sequences.rs` replays what was seen here.

mod cosign;
mod crane;
mod docker;
mod established_helper;
mod helm;
mod nerdctl;
mod oras;
mod trivy;

use std::ops::Deref;

use crate::common::fake_aws::{ALICE, FakeAws};
use crate::common::files::{go_program, go_programs};
use crate::lab::{self, Lab};
use crate::namespace::Namespace;
use crate::person::{Call, Home};
use crate::process::Finished;
use crate::registry::Registry;

/// What AWS says when it denies, in all that shows it.
const DENIAL: &str =
    "is denied to the access key AKIAIOSFODNN7EXAMPLE: AccessDeniedException: User: ";

/// Compares a file of an image with the one that it was made of.
const SAME_FILE: &str = "tar -xOf \"$0\" --wildcards '*bin/busybox' | cmp - /bin/busybox";

/// A fake AWS inside the lab, whose tokens the lab's registries accept.
struct Aws<'a> {
    fake: Option<FakeAws>,
    namespace: &'a Namespace,
}

impl<'a> Aws<'a> {
    fn start(namespace: &'a Namespace) -> Self {
        let fake = namespace.within(FakeAws::start);
        fake.fix_passwords();
        Self {
            fake: Some(fake),
            namespace,
        }
    }
}

impl Deref for Aws<'_> {
    type Target = FakeAws;

    fn deref(&self) -> &FakeAws {
        self.fake.as_ref().expect("until it is dropped")
    }
}

impl Drop for Aws<'_> {
    fn drop(&mut self) {
        let fake = self.fake.take();
        self.namespace.within(|| drop(fake));
    }
}

/// A person with Alice's keys in the environment, Go's clients on the `PATH`, and a recorder of
/// the helper's calls.
struct Setup<'a> {
    lab: &'a Lab,
    aws: Aws<'a>,
    home: Home<'a>,
}

/// Runs `test` as another person who has this client.
fn with(client: &str, test: impl FnOnce(&Setup)) {
    go_program(client);
    let lab = lab::enter();
    let aws = Aws::start(lab.namespace());
    let mut home = Home::new(&lab, &go_programs());
    home.set("AWS_ENDPOINT_URL", &aws.url());
    home.record();
    test(&Setup {
        lab: &lab,
        aws,
        home,
    });
}

impl Setup<'_> {
    /// Writes `credHelpers` with this program for these registries.
    fn cred_helpers(&self, registries: &[&Registry]) {
        let hosts: Vec<&str> = registries.iter().map(|registry| registry.host).collect();
        self.home.cred_helpers(&hosts);
    }

    fn creds_store(&self) {
        self.home.docker_config("{\"credsStore\":\"ecrx\"}");
    }

    /// Asserts which servers a client asked the helper for since the last time, and for which
    /// registries AWS issued tokens.
    #[track_caller]
    fn assert_asked(&self, servers: &[&str], registries: &[&Registry]) {
        assert_eq!(self.take_servers(), servers);
        self.assert_issued(registries);
    }

    /// The same for a client that asks for one server, once or more often.
    #[track_caller]
    fn assert_asked_only_for(&self, server: &str, registry: &Registry) {
        let mut servers = self.take_servers();
        servers.dedup();
        assert_eq!(servers, [server]);
        self.assert_issued(&[registry]);
    }

    /// The servers of the helper's calls since the last time, all of which are `get`.
    #[track_caller]
    fn take_servers(&self) -> Vec<String> {
        let calls = self.home.calls();
        self.home.forget_calls();
        assert!(calls.iter().all(|call| call.verb == "get"));
        calls.into_iter().map(|call| call.stdin).collect()
    }

    /// Asserts for which registries AWS has issued tokens since the last time.
    #[track_caller]
    fn assert_issued(&self, registries: &[&Registry]) {
        let issues = self.aws.issues().into_iter();
        let issued: Vec<String> = issues.flat_map(|issue| issue.grant.registry_ids).collect();
        let expected: Vec<&str> = registries
            .iter()
            .map(|registry| registry.account())
            .collect();
        assert_eq!(issued, expected);
        self.aws.clear();
    }

    /// Asserts that this tar file of the home folder has the file of [`IMAGE`].
    #[track_caller]
    fn assert_has_image_file(&self, tar: &str) {
        self.home.succeeds("sh", ["-c", SAME_FILE, tar]);
    }

    /// Runs a client while AWS denies. Asserts that it fails and shows the reason in these places.
    #[track_caller]
    fn assert_shows_denial(&self, shown: Shown, servers: &[&str], client: &str, args: &[&str]) {
        self.aws.deny_ecr(ALICE.2);
        let failed = self.home.fails(client, args);
        let calls = self.home.calls();
        let asked: Vec<&str> = calls.iter().map(|call| call.stdin.as_str()).collect();
        assert_eq!(asked, servers, "{}", failed.report());
        assert_eq!(Shown::by(&failed, &calls), shown, "{}", failed.report());
        assert_eq!(self.aws.issues().len(), 0);
        self.home.forget_calls();
    }
}

/// Where a client shows why there is no token: the helper says it on stdout, for the client, and
/// with hints on stderr.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    /// Both: the helper's stderr, and its stdout in the client's own message.
    StderrAndMessage,
    /// The helper's stderr. The client's own message gives no reason.
    Stderr,
}

impl Shown {
    /// What a client shows of these calls.
    #[track_caller]
    fn by(client: &Finished, calls: &[Call]) -> Self {
        let times = |text: &str| text.matches(DENIAL).count();
        for call in calls {
            assert_eq!(times(&call.stderr), 1, "{}", call.stderr);
            assert!(client.stderr.contains(&call.stderr), "{}", client.report());
        }
        if times(&client.output()) > calls.len() {
            Self::StderrAndMessage
        } else {
            Self::Stderr
        }
    }
}
