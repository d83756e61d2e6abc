//! What other scanners say of an image that has been looked into here.

use std::sync::Arc;

use super::Scanner;
use crate::evidence::Content;
use crate::evidence::scanners::Asked;
use crate::oci::{ImageManifest, Repository};
use crate::policy::Opinion;
use crate::report::{Survey, cyclonedx};

/// Which other scanners are wanted.
#[derive(Clone)]
pub(in crate::evidence) struct Asking {
    /// Their names.
    pub(in crate::evidence) names: Vec<String>,
    /// Whether they may be asked; else what they said before counts.
    pub(in crate::evidence) anybody: bool,
}

impl Scanner {
    pub(super) async fn opinions(
        &self,
        content: &Arc<Content>,
        (repository, image): (&Repository, &ImageManifest),
        survey: &Survey,
        asking: &Asking,
    ) -> Result<Vec<Opinion>, String> {
        let Some(manifest) = survey.manifest.filter(|_| !asking.names.is_empty()) else {
            return Ok(Vec::new());
        };
        if !asking.anybody {
            let recalled = self.others.recall(&asking.names, &manifest);
            return recalled
                .ok_or_else(|| "another scanner has not been asked about it".to_owned());
        }
        let asked = Asked {
            content: content.clone(),
            repository: repository.clone(),
            manifest,
            platform: survey.platform.clone(),
            image: image.clone(),
            bill: cyclonedx(survey),
        };
        Ok(self.others.ask(&asking.names, asked).await)
    }
}
