//! docker-credential-ecrx: Amazon ECR credentials for Docker and other clients.
//!
//! This library is a part of the executable and has no stable interface: what is `pub` is so for
//! the tests.
//!
//! # The one path
//!
//! ```text
//! stdin ─ docker ─▶ Registry ─ config ─▶ Identity ─ key ─▶ cache ──fresh──▶ stdout
//!                                                            │ miss
//!                                                            ▼
//!                                                    lock ─▶ look again ─▶ aws ─▶ put
//! ```
//!
//! A `get` walks it once, left to right, and nothing walks back (`get`). What it does about the
//! entry, from the first look to the last, is a pure function of what it found (`get/state.rs`).
//! `get/walk.rs` carries it out on files and AWS; the tests let a model checker carry it out in every
//! order that several processes can, with deaths at any step.
//!
//! # Three promises
//!
//! 1. **A warm `get` touches no network, starts no async runtime and builds no SDK client.**
//!    For every identity, the cache is read before any credential is resolved.
//! 2. **A token is only ever given to the identity that it was issued to.** `identity` resolves
//!    exactly one credential source, with the roles on top of it, from the configuration and from
//!    the local state that the principal depends on (the sign-in on disk, the machine itself). Its
//!    fingerprint is the cache key. `aws` builds the one provider for it from the very values that
//!    were fingerprinted, never the SDK's chain. If the principal cannot be known offline, a cached
//!    token is used for an hour at most. After a sign-out, it is not used at all.
//! 3. **Nothing fails silently, nothing succeeds noisily.** Every failure names its cause and the
//!    next step on stderr, in one line on stdout, and never as "credentials not found" unless
//!    that is the truth.
//!
//! # Map
//!
//! Imports run downwards. A room knows those below it, and none above.
//!
//! | room | what is in it |
//! |---|---|
//! | `main`, `run` | picks the mode by the arguments, prints errors, sets exit codes |
//! | `docker` | Docker's protocol, and the helper for other registries |
//! | `kubelet` | kubelet's protocol: requests, answers, mirrors, the log; the commands for nodes |
//! | `doctor`, `policy`, `configure`, `commands` | the interactive commands, with all that only they need: a registry's responses and denials (`doctor`), IAM set-ups (`policy`), clients' files (`configure`) |
//! | `get` | a token for a registry: the request, the steps, what failed before |
//! | `aws` | fetches a token: credentials, roles, `GetAuthorizationToken`; tells failures apart |
//! | `cache` | tokens and failures on disk, their locks, housekeeping |
//! | `identity` | the AWS identity: the layers in order, one file per credential source, the local state |
//! | `config` | `config.toml` |
//! | `http`, `net` | the program's HTTP client; hosts, ports and addresses |
//! | `iam` | policy documents: for `policy`, for denials in `doctor`, for limited tokens |
//! | `registry`, `token`, `redaction`, `digest`, `secret` | the nouns of the rooms above |
//! | `env`, `fs`, `child`, `call_chain`, `terminal`, `clock`, `runtime`, `memory`, `error`, … | the machine |
//!
//! `aws` is the only room that names SDK types. `identity/aws_files.rs` reads AWS's files as the AWS
//! CLI reads them, and `identity/layers.rs` has its order of sources. `cache` and `aws` do not know
//! each other.
//!
//! Within `identity`, `layers` selects the identity: a table of six layers. Choosing takes the
//! first that selects one, and explaining shows the answer of each. `source` holds everything about
//! each kind of credential source: a kind that leaves something out does not compile. `resolver`
//! adds endpoints, local state, and the check that all of it is of one partition.
//!
//! Roles are assumed by calls of our own, a profile's `role_arn` like a rule's, and the SDK is
//! left the sources beneath them, except SSO and instance metadata: there it knows less than the AWS
//! CLI. So a chain fails by the name of the role that failed, a
//! profile's `duration_seconds` counts, and what was fingerprinted is what is used.

// What only this crate uses is not `pub`; what is, the tests use.
#![warn(unreachable_pub)]

mod aws;
mod cache;
mod call_chain;
mod child;
pub mod cli;
mod clock;
mod commands;
pub mod config;
mod configure;
mod digest;
mod docker;
pub mod doctor;
pub mod env;
mod error;
mod fs;
/// For `cargo fuzz`.
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod get;
mod helper_name;
pub mod http;
mod iam;
mod identity;
mod kubelet;
mod logger;
mod memory;
mod net;
mod policy;
mod redaction;
pub mod registry;
mod run;
mod runtime;
pub mod secret;
mod shell_word;
mod stdout;
pub mod terminal;
mod token;
mod users;

pub use run::run;
