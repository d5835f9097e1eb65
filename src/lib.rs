//! docker-credential-ecrx: credentials for Amazon ECR, for Docker and its kin.
//!
//! This library is the executable's inside. It makes no promise of a stable interface.
//!
//! # The one path
//!
//! ```text
//! stdin ─ protocol ─▶ Registry ─ config ─▶ Identity ─ key ─▶ cache ──fresh──▶ stdout
//!                                                              │ miss
//!                                                              ▼
//!                                                      lock ─▶ look again ─▶ aws ─▶ put
//! ```
//!
//! A `get` walks it once, left to right, and nothing walks back ([`provider`]). What it does about
//! the entry, from the first look to the last, is a pure function of what it found
//! (`provider/step.rs`). `provider/walk.rs` carries it out on files and AWS; the tests let a model
//! checker carry it out in every order that several processes can, with deaths at any step.
//!
//! # Three promises
//!
//! 1. **A warm `get` touches no network, starts no async runtime and builds no SDK client.**
//!    Whoever the identity is, the cache is asked before any credential is resolved.
//! 2. **A token is only ever given to the identity that bought it.** [`identity`] resolves
//!    exactly one credential source, with the roles on top of it, from the configuration and what
//!    on this machine tells apart who it means (the sign-in on disk, the machine itself); its
//!    fingerprint is the cache key; and [`aws`] builds the one provider for it from the very
//!    values that were fingerprinted, never the SDK's chain. Where that cannot tell who it is, a
//!    token is trusted unasked for an hour at most. Without the sign-in, it is not trusted at all.
//! 3. **Nothing fails silently, nothing succeeds noisily.** Every failure names its cause and the
//!    next step on stderr, in one line on stdout, and never as "credentials not found" unless
//!    that is the truth.
//!
//! # Rooms
//!
//! Imports run one way: `main → run → {commands, protocol} → provider → {cache, aws, identity,
//! config} → {registry, token, secret, redaction, digest, runtime, terminal, call_chain, child, env,
//! users, fs, helper_name, nearest, shell_word, error}`. `identity` knows `config`, `aws` knows
//! `identity`; `cache` and `aws` do not know each other. Only `aws` and `identity/aws_files.rs`
//! (with the files that read its profiles) name SDK types.
//!
//! `run` also picks the commands for people (`cli` reads their arguments, `commands` has a room for
//! each). They walk the same path, and know four rooms that no `get` comes by: `iam`, what policies
//! are made of and denials are read into; `distribution`, which asks registries what they let be
//! pulled and pushed; `client_config`, the files of docker and podman; and `user_file`, how a
//! person's file is changed without losing anything.
//!
//! `protocol` asks the configuration whose a server is: a registry's (ECR's own hosts, and hosts
//! of one's own that a rule names), another helper's, or nobody's. Within `identity`, `layers`
//! says who asks, and `resolver` makes the whole of it: endpoints, surroundings, one partition.
//!
//! Roles are assumed by calls of our own, a profile's `role_arn` like a rule's, and the SDK is
//! left the sources beneath them. So a chain fails by the name of the role that failed, a
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
mod get;
mod helper_name;
pub mod http;
mod identity;
mod logger;
mod nearest;
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
