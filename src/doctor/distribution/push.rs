//! Uploads: what a push begins with.

use http::Method;

use crate::secret::Secret;

use super::location::Location;
use super::refusal::{Refusal, RefusalKind, Step};
use super::{Answer, Ask, Client, Upload, location};

impl Client<'_> {
    /// Opens an upload and cancels it. Nothing is left of it in the repository.
    ///
    /// # Errors
    /// What the registry says to opening one.
    pub fn upload(&self, repository: &str, password: Option<&Secret>) -> Result<Upload, Refusal> {
        self.block_on(async {
            let path = self.path(Step::Upload, repository, "blobs/uploads", "")?;
            let ask = Ask::new(Step::Upload, Method::POST, path);
            let received = self.ask(&ask, password).await?;
            if received.status != 202 {
                return Err(self.refused(&ask, &received, password));
            }
            let location = Location::of_upload(location(&received), &self.host);
            let cancelled = match location {
                Ok(location) => self.cancel(&location, password).await,
                Err(why) => Err(self.because(RefusalKind::Location(why), &ask, &received)),
            };
            Ok(Upload {
                answer: Answer::of(&received),
                cancelled,
            })
        })
    }

    async fn cancel(
        &self,
        location: &Location,
        password: Option<&Secret>,
    ) -> Result<Answer, Refusal> {
        location.keep_secret(&mut self.redactor.borrow_mut());
        let path = location.expose().path_and_query();
        let path = path.map_or_else(String::new, ToString::to_string);
        let ask = Ask::new(Step::CancelUpload, Method::DELETE, path);
        let received = self.ask(&ask, password).await?;
        match received.status {
            200 | 202 | 204 => Ok(Answer::of(&received)),
            _ => Err(self.refused(&ask, &received, password)),
        }
    }
}
