//! The identity of a pod: the role that an annotation of its service account names, assumed with the
//! service account's token.

use crate::config::{KubeletSettings, WorkloadPolicy};
use crate::env::{Env, var};
use crate::error::escaped;
use crate::identity::{ChosenBy, ServiceAccount, WebIdentity, WebIdentityToken};
use crate::registry::{ParseError, RoleArn};

use super::protocol::Workload;

/// Who requests the token for a pod's image.
#[derive(Debug)]
pub(super) enum Requester {
    /// The pod, and what names its role.
    Pod(WebIdentity, ChosenBy),
    /// The node; with the reason if the pod could have a role of its own.
    Node(Option<String>),
}

/// Why a pod gets no credentials, not even those of the node.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkloadError {
    #[error("{place} is not an IAM role ARN: {cause}")]
    RoleArn { place: String, cause: ParseError },
    #[error("{0}, and workload = \"required\" is set under [kubelet]")]
    Required(String),
}

impl Requester {
    /// A service account without a role falls back to the node if the settings allow it. No failure does.
    pub(super) fn find(
        workload: Option<Workload>,
        settings: &KubeletSettings,
        env: &Env,
    ) -> Result<Self, WorkloadError> {
        let Some(workload) = workload else {
            let why = "kubelet sent no service account token";
            return match settings.workload {
                WorkloadPolicy::Required => Err(WorkloadError::Required(why.to_owned())),
                WorkloadPolicy::Optional => Ok(Self::Node(None)),
            };
        };
        let account = ServiceAccount::from_token(&workload.token);
        let Some((role_arn, chosen_by)) = role(&workload, settings, env)? else {
            let account = account.map_or_else(String::new, |account| format!(" {account}"));
            let keys = settings.role_annotations.join(" or ");
            let why = format!("the service account{account} has no role in its annotation {keys}");
            return match settings.workload {
                WorkloadPolicy::Required => Err(WorkloadError::Required(why)),
                WorkloadPolicy::Optional => Ok(Self::Node(Some(why))),
            };
        };
        let identity = WebIdentity {
            session_name: account.as_ref().map(ServiceAccount::session_name),
            token: WebIdentityToken::ServiceAccount(workload.token),
            role_arn,
            duration: None,
        };
        Ok(Self::Pod(identity, chosen_by))
    }
}

/// The role of the first annotation that the service account has, or else of the variable, as in
/// upstream's provider (cloud-provider-aws 1.37). An empty annotation is no role.
fn role(
    workload: &Workload,
    settings: &KubeletSettings,
    env: &Env,
) -> Result<Option<(RoleArn, ChosenBy)>, WorkloadError> {
    let mut keys = settings.role_annotations.iter();
    let annotation = keys.find_map(|key| Some((key, workload.annotations.get(key)?)));
    let (text, place, chosen_by) = match annotation {
        Some((key, text)) => (
            text.clone(),
            format!("the annotation {key} of the service account"),
            ChosenBy::Annotation(key.clone()),
        ),
        None => {
            let name = var::AWS_ECR_ROLE_ARN;
            let Some(text) = env.get(name) else {
                return Ok(None);
            };
            let chosen_by = ChosenBy::Variable(name.into());
            (text, format!("the variable {name}"), chosen_by)
        }
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    match text.trim().parse() {
        Ok(role) => Ok(Some((role, chosen_by))),
        Err(cause) => {
            let place = escaped(&place);
            Err(WorkloadError::RoleArn { place, cause })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::config::Config;
    use crate::secret::Secret;

    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/pull";
    const KEY: &str = "eks.amazonaws.com/ecr-role-arn";

    /// The role of the pod, `node`, or the error.
    fn requester(annotations: &[(&str, &str)], settings: &KubeletSettings, env: &Env) -> String {
        let workload = Workload {
            token: Secret::new("token"),
            annotations: annotations
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
        };
        match Requester::find(Some(workload), settings, env) {
            Ok(Requester::Pod(identity, chosen_by)) => {
                format!("{} by {chosen_by}", identity.role_arn)
            }
            Ok(Requester::Node(why)) => format!("node: {}", why.unwrap_or_default()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_first_annotation_counts_then_the_variable_and_an_empty_annotation_is_no_role() {
        let mut settings = Config::default().kubelet;
        settings.role_annotations = vec!["team/role".to_owned(), KEY.to_owned()];
        let empty = Env::from_variables([]);
        let variable = Env::from_variables([(var::AWS_ECR_ROLE_ARN, ROLE)]);
        let other = "arn:aws:iam::444455556666:role/other";
        let node = "node: the service account has no role in its annotation team/role or eks.amazonaws.com/ecr-role-arn";
        for (annotations, env, expected) in [
            (
                &[(KEY, ROLE)][..],
                &empty,
                "arn:aws:iam::111122223333:role/pull by the annotation eks.amazonaws.com/ecr-role-arn of the service account",
            ),
            (
                &[(KEY, ROLE), ("team/role", other)],
                &empty,
                "arn:aws:iam::444455556666:role/other by the annotation team/role of the service account",
            ),
            (
                &[],
                &variable,
                "arn:aws:iam::111122223333:role/pull by the variable AWS_ECR_ROLE_ARN",
            ),
            (&[(KEY, "")], &variable, node),
            (&[("team/role", " "), (KEY, ROLE)], &empty, node),
            (&[("other", ROLE)], &empty, node),
        ] {
            assert_eq!(requester(annotations, &settings, env), expected);
        }
    }

    #[test]
    fn a_wrong_role_is_an_error_and_never_the_node() {
        let settings = Config::default().kubelet;
        let found = requester(&[(KEY, "pull")], &settings, &Env::from_variables([]));
        assert!(
            found.starts_with("the annotation eks.amazonaws.com/ecr-role-arn of the service account is not an IAM role ARN: "),
            "{found}"
        );
    }

    #[test]
    fn if_a_workload_identity_is_required_the_node_is_never_used() {
        let mut settings = Config::default().kubelet;
        settings.workload = WorkloadPolicy::Required;
        let empty = Env::from_variables([]);
        let found = requester(&[], &settings, &empty);
        assert_eq!(
            found,
            "the service account has no role in its annotation eks.amazonaws.com/ecr-role-arn, and workload = \"required\" is set under [kubelet]"
        );
        let without_token = Requester::find(None, &settings, &empty).unwrap_err();
        assert_eq!(
            without_token.to_string(),
            "kubelet sent no service account token, and workload = \"required\" is set under [kubelet]"
        );
    }
}
