//! AWS's files with content that no user means: there is an answer or a clear error, in time and with
//! bounded memory.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use super::common::fake_aws::FakeAws;
use super::common::sources::keys;
use super::common::{HOST, TestEnvironment};

/// Far above what the largest file takes, and below the 30 s of a `get`.
const IN_TIME: Duration = Duration::from_secs(20);

/// What a `get` may hold at once. A file has at most 16 MiB.
const MOST_MEMORY_MIB: i64 = 256;

/// What follows the profile that is used, in the same file.
struct Content {
    name: &'static str,
    bytes: fn() -> Vec<u8>,
    /// A part of the error; `None` for an answer.
    error: Option<&'static str>,
}

const CONTENTS: [Content; 9] = [
    Content {
        name: "a million settings in one section",
        bytes: || {
            let lines = (0..1_000_000).map(|number| format!("k{number} = 1\n"));
            lines
                .fold("[profile other]\n".to_owned(), |text, line| text + &line)
                .into()
        },
        error: None,
    },
    Content {
        name: "a million comments",
        bytes: || "# x\n".repeat(1_000_000).into(),
        error: None,
    },
    Content {
        name: "100,000 sections",
        bytes: || {
            let sections = (0..100_000).map(|number| format!("[profile p{number}]\na = b\n"));
            sections.collect::<String>().into()
        },
        error: None,
    },
    Content {
        name: "a line of 15 MB",
        bytes: || format!("[profile other]\na = {}\n", "b".repeat(15_000_000)).into(),
        error: None,
    },
    Content {
        name: "a line of 50 MB",
        bytes: || format!("[profile other]\na = {}\n", "b".repeat(50_000_000)).into(),
        error: Some("cannot be read: it is larger than 16 MiB"),
    },
    Content {
        name: "NUL",
        bytes: || b"[profile other]\na = \0\n\0 = b\n[\0]\n".to_vec(),
        error: None,
    },
    Content {
        name: "invalid UTF-8",
        bytes: || b"# \xff\n".to_vec(),
        error: Some("is not UTF-8 text: line 4"),
    },
    Content {
        name: "UTF-16",
        bytes: || {
            "[profile other]\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect()
        },
        error: Some("line 5 is neither a [section] nor `name = value`"),
    },
    Content {
        name: "UTF-16 with a byte order mark",
        bytes: || b"\xff\xfe[\0".to_vec(),
        error: Some("is not UTF-8 text: line 4"),
    },
];

#[test]
fn hostile_content_of_awss_files_has_an_answer_or_a_clear_error_in_bounded_memory() {
    let aws = FakeAws::start();
    for Content { name, bytes, error } in CONTENTS {
        let mut environment = TestEnvironment::with_aws(&aws);
        keys(&mut environment, &aws, "work");
        environment.set("AWS_PROFILE", "work");
        let file = environment.home().join(".aws/config");
        let mut content = std::fs::read(&file).expect("the profile");
        content.extend(bytes());
        std::fs::write(&file, content).expect("a file");
        let started = Instant::now();
        let outcome = environment.get(HOST);
        assert!(started.elapsed() < IN_TIME, "{name}: {outcome:?}");
        match error {
            None => {
                outcome.grant();
            }
            Some(error) => assert!(outcome.stdout.contains(error), "{name}: {outcome:?}"),
        }
    }
    // Of all programs that these tests have run so far.
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system's count");
    let peak = usage.max_rss()
        / if cfg!(target_os = "linux") {
            1024
        } else {
            1 << 20
        };
    assert!((1..MOST_MEMORY_MIB).contains(&peak), "{peak} MiB");
}
