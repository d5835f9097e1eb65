//! Pods on a node whose kubelet runs this program: kubelet and containerd as they are released, an ECR
//! and an AWS of the test's own, and images made from scratch.
//!
//! Everything is in a [`namespace::Namespace`], under the names and addresses that a node in AWS
//! uses: no variable and no endpoint leads the program elsewhere. Needs root, runc and busybox, and
//! what `.ci/install-go-clients` builds.

#![cfg(target_os = "linux")]

mod common;
#[path = "pods/daemonset_pods.rs"]
mod daemonset_pods;
#[path = "clients/namespace.rs"]
mod namespace;
#[path = "pods/node.rs"]
mod node;
#[path = "clients/process.rs"]
mod process;
#[path = "pods/service_accounts.rs"]
mod service_accounts;
#[path = "pods/static_pods.rs"]
mod static_pods;
