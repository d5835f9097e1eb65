//! Whatever is in a file's place, a `get` ends in its time and names it: a pipe without a writer, a
//! device, a file without end, a folder, a socket.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, mkfifoat};

use super::common::fake_aws::{BOB, FakeAws, Operation};
use super::common::sources::{keys, login, sso_session};
use super::common::{HOST, TestEnvironment};

/// Far above the limit of two seconds here, and below the 30 s without one.
const IN_TIME: Duration = Duration::from_secs(20);

/// Everything is well but for one file, whose path is returned.
type Place = fn(&mut TestEnvironment, &FakeAws) -> PathBuf;

/// What becomes of a pipe in a file's place.
#[derive(Clone, Copy, PartialEq)]
enum Pipe {
    /// It serves, as the file is read once.
    Read,
    Refused,
    /// It counts as an empty file, as for the AWS CLI.
    Ignored,
}

/// Every file that a `get` reads and others write, with its name in the message.
const PLACES: [(&str, Pipe, Place); 11] = [
    ("~/.aws/config", Pipe::Ignored, |environment, aws| {
        work(environment, aws);
        environment.home().join(".aws/config")
    }),
    ("AWS_CONFIG_FILE", Pipe::Ignored, |environment, aws| {
        work(environment, aws);
        moved(environment, ".aws/config", "AWS_CONFIG_FILE")
    }),
    ("~/.aws/credentials", Pipe::Ignored, |environment, _| {
        credentials(environment)
    }),
    (
        "AWS_SHARED_CREDENTIALS_FILE",
        Pipe::Ignored,
        |environment, _| {
            credentials(environment);
            moved(
                environment,
                ".aws/credentials",
                "AWS_SHARED_CREDENTIALS_FILE",
            )
        },
    ),
    ("AWS_CA_BUNDLE", Pipe::Read, |environment, aws| {
        work(environment, aws);
        let bundle = bundle(environment);
        environment.set("AWS_CA_BUNDLE", &bundle.display().to_string());
        bundle
    }),
    ("SSL_CERT_FILE", Pipe::Read, |environment, aws| {
        work(environment, aws);
        let bundle = bundle(environment);
        environment.set("SSL_CERT_FILE", &bundle.display().to_string());
        bundle
    }),
    ("ca_bundle", Pipe::Read, |environment, aws| {
        work(environment, aws);
        let bundle = bundle(environment);
        environment.add_aws_config(&format!("ca_bundle = {}\n", bundle.display()));
        bundle
    }),
    ("the SSO sign-in", Pipe::Refused, |environment, aws| {
        sso_session(environment, aws, "work");
        only_file_in(&environment.home().join(".aws/sso/cache"))
    }),
    (
        "the aws login sign-in",
        Pipe::Refused,
        |environment, aws| {
            login(environment, aws, "work");
            only_file_in(&environment.home().join(".aws/login/cache"))
        },
    ),
    ("the web identity token", Pipe::Read, |environment, _| {
        environment.set_web_identity();
        environment.unset("AWS_PROFILE");
        environment.home().join("environment.jwt")
    }),
    ("the container token", Pipe::Read, |environment, aws| {
        environment.set_container(aws);
        environment.unset("AWS_PROFILE");
        aws.require_container_authorization("container-token");
        let token = environment.write("container-token", "container-token");
        environment.set(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            &token.display().to_string(),
        );
        token
    }),
];

fn work(environment: &mut TestEnvironment, aws: &FakeAws) {
    keys(environment, aws, "work");
}

fn credentials(environment: &TestEnvironment) -> PathBuf {
    environment.aws_credentials(&format!(
        "[work]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ))
}

/// Read by every `get`, though nothing here needs it.
fn bundle(environment: &TestEnvironment) -> PathBuf {
    let authority = FakeAws::start_tls(&[]);
    environment.write("bundle.pem", authority.ca_pem())
}

fn moved(environment: &mut TestEnvironment, from: &str, variable: &str) -> PathBuf {
    let to = environment.home().join("elsewhere");
    fs::rename(environment.home().join(from), &to).expect("moved");
    environment.set(variable, &to.display().to_string());
    to
}

fn only_file_in(folder: &Path) -> PathBuf {
    let mut items = fs::read_dir(folder).expect("a folder");
    items.next().expect("a file").expect("a file").path()
}

fn environment(aws: &FakeAws, place: Place) -> (TestEnvironment, PathBuf) {
    let mut environment = TestEnvironment::with_aws(aws);
    environment.set("AWS_PROFILE", "work");
    environment.config("timeout_seconds = 2\n");
    let path = place(&mut environment, aws);
    (environment, path)
}

/// What is put into a file's place, by name, and what is said of it.
type Kind = (&'static str, fn(&Path), &'static str);

const KINDS: [Kind; 5] = [
    (
        "a pipe without a writer",
        pipe,
        "it is a pipe whose writer did not close it in time (see timeout_seconds)",
    ),
    (
        "a device",
        |path| symlink("/dev/zero", path).expect("a link"),
        "it is a device, not a file",
    ),
    (
        "a file without end",
        |path| {
            let file = File::create(path).expect("a file");
            file.set_len(1 << 40).expect("a sparse file");
        },
        "it is larger than ",
    ),
    (
        "a folder",
        |path| fs::create_dir(path).expect("a folder"),
        "it is a folder, not a file",
    ),
    (
        "a socket",
        |path| drop(UnixListener::bind(path).expect("a socket")),
        "it is a socket, not a file",
    ),
];

fn pipe(path: &Path) {
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).expect("a pipe");
}

/// Runs the same for every place at once, as some wait for their limit.
fn for_each_place(check: impl Fn(&str, Pipe, Place) + Sync) {
    thread::scope(|scope| {
        for (name, pipe, place) in PLACES {
            let check = &check;
            scope.spawn(move || check(name, pipe, place));
        }
    });
}

#[test]
fn whatever_is_in_a_files_place_ends_the_get_in_time_and_is_named() {
    for_each_place(|name, pipe, place| {
        for (kind, put, reason) in KINDS {
            let aws = FakeAws::start();
            let (environment, path) = environment(&aws, place);
            fs::remove_file(&path).expect("a file");
            put(&path);
            let started = Instant::now();
            let outcome = environment.get(HOST);
            let took = started.elapsed();
            assert!(took < IN_TIME, "{name}, {kind}: {took:?}: {outcome:?}");
            assert_eq!(outcome.code, Some(1), "{name}, {kind}: {outcome:?}");
            let expected = if pipe == Pipe::Refused {
                "cannot be read".to_owned()
            } else {
                format!("{}", path.display())
            };
            let line = &outcome.stdout;
            assert!(line.contains(&expected), "{name}, {kind}: {outcome:?}");
            // The SDK reads the container's token, and waits for it without a word.
            let is_by_sdk = name == "the container token" && kind == "a pipe without a writer";
            let reason = match (pipe, kind) {
                (Pipe::Ignored, "a pipe without a writer") => "it is a pipe, not a file",
                _ => reason,
            };
            if pipe != Pipe::Refused && !is_by_sdk {
                assert!(line.contains(reason), "{name}, {kind}: {outcome:?}");
            }
            let asked = aws.calls_of(Operation::EcrGetAuthorizationToken);
            assert!(asked.is_empty(), "{name}, {kind}: {asked:?}");
        }
    });
}

#[test]
fn a_pipe_with_a_writer_serves_as_the_file() {
    for_each_place(|name, kind, place| {
        if kind != Pipe::Read {
            return;
        }
        let aws = FakeAws::start();
        let (environment, path) = environment(&aws, place);
        let before = environment.get(HOST).grant();
        let content = fs::read(&path).expect("a file");
        fs::remove_file(&path).expect("a file");
        fs::remove_dir_all(environment.cache()).expect("the cache");
        pipe(&path);
        let writer = thread::spawn(move || fs::write(&path, content));
        let outcome = environment.get(HOST);
        assert_eq!(outcome.grant().principal, before.principal, "{name}");
        writer.join().expect("a writer").expect("written");
    });
}

#[test]
fn the_null_device_is_an_empty_file() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("AWS_CONFIG_FILE", "/dev/null");
    environment.set("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    environment.get(HOST).answer();
}
