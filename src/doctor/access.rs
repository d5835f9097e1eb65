//! Whether the registry limits a token to the `access` of a rule. By AWS's documentation it does, but
//! that could not be tested against AWS.

use super::distribution::{RegistryClient, RegistryErrorKind, UploadProbe};
use super::registry::upload_left_open;
use super::report::Check;
use crate::config::AccessLimit;
use crate::registry::{Registry, Service};
use crate::secret::Secret;

/// What is requested with a token that must be denied it.
pub(super) struct AccessExamination<'a> {
    pub client: &'a RegistryClient<'a>,
    pub registry: &'a Registry,
    /// The repository of the image; `None` without an image.
    pub repository: Option<&'a str>,
    /// The repository does not exist. ECR may create it for an upload.
    pub is_absent: bool,
    pub password: &'a Secret,
    pub limit: &'a AccessLimit,
}

impl AccessExamination<'_> {
    /// Opens an upload that the access does not include, and cancels it.
    pub(super) fn checks(&self) -> Vec<Check> {
        let repository = match self.denied_repository() {
            Ok(repository) => repository,
            Err(why) => {
                let text = format!("not checked whether the registry limits the token: {why}");
                return vec![Check::unknown(text)];
            }
        };
        match self.client.upload(repository, Some(self.password)) {
            Ok(upload) => self.not_limited(repository, &upload),
            Err(error) => vec![match error.kind {
                RegistryErrorKind::Denied => Check::good(format!(
                    "limited: an upload to {repository} is denied, as access = \"{}\" requires",
                    self.limit.word()
                )),
                _ => Check::unknown(format!(
                    "not known whether the registry limits the token: {error}"
                )),
            }],
        }
    }

    /// A repository that an upload must not be possible to, or why there is none.
    fn denied_repository(&self) -> Result<&str, String> {
        let limit = self.limit;
        if self.registry.service == Service::Public {
            return Err("it is public ECR".to_owned());
        }
        if limit.has_push() && !limit.lists_repositories() {
            return Err("the access includes pushes to all of its repositories".to_owned());
        }
        let registry = self.registry;
        match self.repository {
            None => Err(format!(
                "name an existing repository{}, {registry}/REPOSITORY",
                if limit.has_push() {
                    " that access_repositories does not include"
                } else {
                    ""
                }
            )),
            Some(_) if self.is_absent => Err("the repository does not exist".to_owned()),
            Some(name) if limit.has_push() && limit.includes(name) => Err(format!(
                "the access includes pushes to {name}; name a repository that it does not include"
            )),
            Some(name) => Ok(name),
        }
    }

    fn not_limited(&self, repository: &str, upload: &UploadProbe) -> Vec<Check> {
        let text = format!(
            "NOT LIMITED: an upload to {repository} was started with a token of access = \"{}\" ({})",
            self.limit.word(),
            self.limit.origin()
        );
        let check = Check::bad(text)
            .summary("NOT LIMITED: the token allows more than `access`")
            .fix([
                "Remove the rights from the role, so that the token cannot have them",
                "Check whether the repository policy allows ecr:InitiateLayerUpload to the session of the role",
            ]);
        let left_open = upload_left_open(upload);
        [check].into_iter().chain(left_open).collect()
    }
}
