//! The addresses at which AWS itself gives credentials: nothing else tries the real ones. They
//! are asked only where they are the test's own.

use std::net::{IpAddr, SocketAddr};

use super::asks_once;
use super::common::TestEnvironment;
use super::common::fake_aws::{Call, FakeAws, Operation};
use super::common::files::skipped;
use super::common::network::{has_ipv6, test_of, with_own};
use super::common::sources::Expected;

/// The ECS agent: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>
const ECS: &str = "169.254.170.2";

/// The EKS Pod Identity agent:
/// <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html>
const POD_IDENTITY: [&str; 2] = ["169.254.170.23", "fd00:ec2::23"];

/// Instance metadata:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>
const INSTANCE_METADATA: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];

/// Runs `body` where the fake AWS has these addresses besides its own, with an environment in
/// which no credentials are set.
#[track_caller]
fn with_aws_at<F: FnOnce(&FakeAws, TestEnvironment)>(addresses: &[&str], body: F) {
    let parse = |text: &&str| text.parse().expect("an address");
    let addresses: Vec<IpAddr> = addresses.iter().map(parse).collect();
    if addresses.iter().any(IpAddr::is_ipv6) && !has_ipv6() {
        return skipped("this machine has no IPv6");
    }
    with_own(&addresses, &test_of::<F>(), || {
        let mut aws = FakeAws::start();
        for address in &addresses {
            aws.also_at(SocketAddr::new(*address, 80));
        }
        let environment = TestEnvironment::with_aws(&aws);
        body(&aws, environment);
    });
}

fn of_container(aws: &FakeAws, call: Operation) -> Expected {
    Expected {
        principal: aws.container_principal(),
        calls: vec![call],
    }
}

fn of_instance(aws: &FakeAws) -> Expected {
    use Operation::{ImdsCredentials, ImdsRoleName, ImdsToken};
    Expected {
        principal: aws.instance_principal(),
        calls: vec![ImdsToken, ImdsRoleName, ImdsCredentials],
    }
}

/// Whom a call went to, for what, and with which authorization.
fn asked(call: &Call) -> (&str, &str, Option<&str>) {
    (&call.host, &call.path, call.header("authorization"))
}

#[test]
#[ignore = "needs a network namespace: .ci/run, or an account that may have one"]
fn an_ecs_task_asks_once_at_the_agents_address() {
    with_aws_at(&[ECS], |aws, mut environment| {
        let path = "/v2/credentials/1234?task=5";
        environment.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", path);
        let expected = of_container(aws, Operation::EcsCredentials);
        let calls = asks_once(&environment, aws, &expected);
        assert_eq!(asked(&calls[0]), (ECS, path, None));
    });
}

#[test]
#[ignore = "needs a network namespace: .ci/run, or an account that may have one"]
fn a_pod_asks_once_with_each_token_that_its_file_holds() {
    with_aws_at(&POD_IDENTITY[..1], |aws, environment| {
        pod_asks_once_with_each_token(aws, environment, POD_IDENTITY[0]);
    });
}

#[test]
#[ignore = "needs a network namespace: .ci/run, or an account that may have one"]
fn a_pod_of_an_ipv6_cluster_asks_once_with_each_token_that_its_file_holds() {
    with_aws_at(&POD_IDENTITY[1..], |aws, environment| {
        pod_asks_once_with_each_token(aws, environment, "[fd00:ec2::23]");
    });
}

/// The kubelet replaces the token in time, and the agent takes no old one.
#[track_caller]
fn pod_asks_once_with_each_token(aws: &FakeAws, mut environment: TestEnvironment, host: &str) {
    let url = format!("http://{host}/v1/credentials");
    let file = "eks-pod-identity-token";
    let path = environment.home().join(file).display().to_string();
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &path);
    let expected = of_container(aws, Operation::EksCredentials);
    for token in ["e30.e30.first", "e30.e30.second"] {
        environment.write(file, token);
        aws.require_container_authorization(token);
        let calls = asks_once(&environment, aws, &expected);
        assert_eq!(asked(&calls[0]), (host, "/v1/credentials", Some(token)));
        assert_eq!(environment.entries().len(), 1);
    }
}

#[test]
#[ignore = "needs a network namespace: .ci/run, or an account that may have one"]
fn an_instance_without_configuration_asks_once() {
    with_aws_at(&INSTANCE_METADATA[..1], |aws, mut environment| {
        environment.unset("AWS_EC2_METADATA_DISABLED");
        let calls = asks_once(&environment, aws, &of_instance(aws));
        let hosts: Vec<_> = calls[..3].iter().map(|call| call.host.as_str()).collect();
        assert_eq!(hosts, [INSTANCE_METADATA[0]; 3]);
    });
}

#[test]
#[ignore = "needs a network namespace: .ci/run, or an account that may have one"]
fn an_instance_asks_once_by_ipv6_when_told_so() {
    with_aws_at(&INSTANCE_METADATA[1..], |aws, mut environment| {
        environment.unset("AWS_EC2_METADATA_DISABLED");
        environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
        let calls = asks_once(&environment, aws, &of_instance(aws));
        let hosts: Vec<_> = calls[..3].iter().map(|call| call.host.as_str()).collect();
        assert_eq!(hosts, ["[fd00:ec2::254]"; 3]);
    });
}

/// Nothing listens where the proxy is said to be.
#[test]
#[ignore = "needs a network namespace: .ci/run, or an account that may have one"]
fn no_proxy_is_used_for_the_link_local_addresses_of_aws() {
    let addresses = [ECS, POD_IDENTITY[0], INSTANCE_METADATA[0]];
    with_aws_at(&addresses, |aws, mut environment| {
        for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            environment.set(variable, "http://127.0.0.1:9");
            environment.set(&variable.to_lowercase(), "http://127.0.0.1:9");
        }
        let (relative, full) = (
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        );
        environment.set(relative, "/v2/credentials/1234");
        asks_once(
            &environment,
            aws,
            &of_container(aws, Operation::EcsCredentials),
        );
        environment.unset(relative);
        environment.set(full, "http://169.254.170.23/v1/credentials");
        environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "e30.e30.e30");
        asks_once(
            &environment,
            aws,
            &of_container(aws, Operation::EksCredentials),
        );
        environment.unset(full);
        environment.unset("AWS_EC2_METADATA_DISABLED");
        asks_once(&environment, aws, &of_instance(aws));
    });
}
