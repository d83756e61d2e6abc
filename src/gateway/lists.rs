//! Lists: tags and referrers. They carry no image bytes; the name is judged all the same, before anything is asked.

use hyper::Response;

use crate::evidence::ContentError;
use crate::oci::{Descriptor, Digest, ErrorCode, Reference};
use crate::upstream::Kind;

use super::body::Body;
use super::pull::Gateway;
use super::request::Ask;
use super::respond;

impl Gateway {
    pub(super) async fn tags(&self, ask: &Ask, reference: &Reference) -> Response<Body> {
        if let Some(refused) = self.refused(ask, reference).await {
            return refused;
        }
        let repository = reference.repository();
        let upstream = match self.admission.content().upstream(repository) {
            Ok(upstream) => upstream,
            Err(error) => return failed(&error, ask.head),
        };
        match upstream
            .tags(repository, ask.query.last.as_deref(), ask.query.n)
            .await
        {
            Ok(page) => respond::tags(ask, &page.tags, page.next.is_some()),
            Err(error) => failed(&ContentError::Upstream(error), ask.head),
        }
    }

    pub(super) async fn referrers(
        &self,

        ask: &Ask,
        reference: &Reference,
        digest: &Digest,
    ) -> Response<Body> {
        if let Some(refused) = self.refused(ask, reference).await {
            return refused;
        }
        let repository = reference.repository();
        let upstream = match self.admission.content().upstream(repository) {
            Ok(upstream) => upstream,
            Err(error) => return failed(&error, ask.head),
        };
        match upstream.referrers(repository, digest).await {
            Ok(mut all) => {
                all.extend(self.vouched(ask, repository, digest).await);
                let wanted = ask.query.artifact_type.as_deref();
                let fits = |d: &&Descriptor| {
                    wanted.is_none_or(|wanted| d.artifact_type.as_deref() == Some(wanted))
                };
                let listed: Vec<&Descriptor> = all.iter().filter(fits).collect();
                respond::referrers(&listed, wanted.is_some(), ask.head)
            }
            Err(error) => failed(&ContentError::Upstream(error), ask.head),
        }
    }

    async fn refused(&self, ask: &Ask, reference: &Reference) -> Option<Response<Body>> {
        match self.admission.admit_name(reference, &ask.client).await {
            Ok(Ok(())) => None,
            Ok(Err(ruling)) => Some(respond::denied(&self.words(reference, &ruling), ask.head)),
            Err(error) => Some(respond::error(
                ErrorCode::Unavailable,
                &error.to_string(),
                ask.head,
            )),
        }
    }
}

fn failed(error: &ContentError, head: bool) -> Response<Body> {
    let code = match error {
        ContentError::Upstream(error) if error.kind() == Kind::NotFound => ErrorCode::NameUnknown,
        ContentError::UnknownRegistry(_) => ErrorCode::NameUnknown,
        _ => ErrorCode::Unavailable,
    };
    respond::error(code, &error.to_string(), head)
}
