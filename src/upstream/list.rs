//! Lists: tags and referrers, by pages (distribution-spec 1.1, "Listing Tags", "Listing Referrers").

use std::collections::HashSet;

use hyper::Method;
use hyper::header::{HeaderMap, LINK};
use serde::Deserialize;
use url::Url;

use crate::oci::{
    Descriptor, Digest, MAX_MANIFEST_BYTES, Manifest, Repository, Tag, Target, media_type,
};

use super::client::Ask;
use super::{Kind, Upstream, UpstreamError, body, manifest};

/// Largest page of tags in bytes: some registries send all tags at once, with their history.
const MAX_TAGS_BYTES: u64 = 8 * 1024 * 1024;
/// Most tags that are asked for at once.
const MAX_TAGS: u32 = 1_000;
/// Most pages of referrers that are read.
const MAX_PAGES: usize = 10;
/// Most referrers of one image: a busy one has some dozens of signatures.
const MAX_REFERRERS: usize = 1_000;
/// Most hexadecimal digits in a fallback tag.
const FALLBACK_HEX: usize = 64;

/// Some tags of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPage {
    /// In the registry's order; what is no tag by the spec is left out.
    pub tags: Vec<String>,
    /// What to pass as `last` for the next page, if there is one.
    pub next: Option<String>,
}

/// The page of a registry that heeded the question, cut out here where it answered with all tags instead.
fn cut(mut tags: Vec<String>, last: Option<&str>, n: Option<u32>) -> TagPage {
    let most = n.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let from_the_start = last.is_some_and(|last| tags.iter().any(|tag| tag == last));
    if !from_the_start && tags.len() <= most {
        return TagPage { tags, next: None };
    }
    tags.sort_unstable();
    tags.retain(|tag| last.is_none_or(|last| tag.as_str() > last));
    let next = (tags.len() > most && most > 0).then_some(());
    tags.truncate(most);
    let next = next.and_then(|()| tags.last().cloned());
    TagPage { tags, next }
}

#[derive(Deserialize)]
struct TagList {
    tags: Option<Vec<String>>,
}

impl Upstream {
    /// Tags after `last`, at most `n` where the registry heeds it.
    ///
    /// # Errors
    /// [`UpstreamError`]
    pub async fn tags(
        &self,
        repository: &Repository,
        last: Option<&str>,
        n: Option<u32>,
    ) -> Result<TagPage, UpstreamError> {
        self.persist(|| self.tags_once(repository, last, n)).await
    }

    async fn tags_once(
        &self,
        repository: &Repository,
        last: Option<&str>,
        n: Option<u32>,
    ) -> Result<TagPage, UpstreamError> {
        let mut url = self.url(repository, "tags/list")?;
        if let Some(n) = n {
            url.query_pairs_mut()
                .append_pair("n", &n.min(MAX_TAGS).to_string());
        }
        if let Some(last) = last {
            url.query_pairs_mut().append_pair("last", last);
        }
        let ask = Ask {
            method: Method::GET,
            url,
            accept: Some("application/json"),
            from: 0,
            if_range: None,
            repository: repository.path(),
        };
        let (answer, at) = self.request(&ask).await?;
        let link = self.next_page(answer.headers(), &at)?;
        let body = body::collect(self, answer.into_body(), MAX_TAGS_BYTES).await?;
        let list: TagList = serde_json::from_slice(&body)
            .map_err(|e| self.error(Kind::Malformed, format!("the tag list: {e}")))?;
        let mut tags = list.tags.unwrap_or_default();
        tags.retain(|tag| tag.parse::<Tag>().is_ok());
        let told = |link: Url| {
            link.query_pairs()
                .find(|(key, _)| key == "last")
                .map(|(_, value)| value.into_owned())
        };
        let Some(link) = link else {
            return Ok(cut(tags, last, n));
        };
        let next = told(link).or_else(|| tags.last().cloned());
        Ok(TagPage { tags, next })
    }

    /// All that refers to `digest`: from the referrers API and from the fallback tag, each once.
    ///
    /// # Errors
    /// [`UpstreamError`]: a list that cannot be had whole is an error, never a shorter list.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        let (listed, tagged) = tokio::join!(
            self.persist(|| self.listed(repository, digest)),
            self.persist(|| self.tagged(repository, digest))
        );
        let mut all = listed?;
        all.extend(tagged?);
        let mut seen = HashSet::new();
        all.retain(|descriptor| seen.insert(descriptor.digest));
        if all.len() > MAX_REFERRERS {
            return Err(self.error(
                Kind::TooLarge,
                format!("more than {MAX_REFERRERS} referrers"),
            ));
        }
        Ok(all)
    }

    /// By the API; a registry without it answers 404.
    async fn listed(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        let mut url = self.url(repository, &format!("referrers/{digest}"))?;
        let mut all = Vec::new();
        for page in 0..MAX_PAGES {
            let ask = Ask {
                method: Method::GET,
                url,
                accept: Some(media_type::OCI_INDEX),
                from: 0,
                if_range: None,
                repository: repository.path(),
            };
            let (answer, at) = match self.request(&ask).await {
                Ok(answer) => answer,
                Err(e) if page == 0 && e.kind() == Kind::NotFound => return Ok(all),
                Err(e) => return Err(e),
            };
            let next = self.next_page(answer.headers(), &at)?;
            let content_type = manifest::essence(answer.headers()).map(str::to_owned);
            let body = body::collect(self, answer.into_body(), MAX_MANIFEST_BYTES).await?;
            all.extend(self.index(&body, content_type.as_deref())?);
            match next {
                None => return Ok(all),
                Some(_) if all.len() > MAX_REFERRERS => break,
                Some(next) => url = next,
            }
        }
        Err(self.error(Kind::TooLarge, "a list of referrers without end"))
    }

    /// By the tag that stands for the API where there is none.
    async fn tagged(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        let hex: String = digest.hex().chars().take(FALLBACK_HEX).collect();
        let tag = format!("{}-{hex}", digest.algorithm().name());
        let tag: Tag = tag
            .parse()
            .map_err(|_| self.error(Kind::Malformed, "an unusable fallback tag"))?;
        match self.manifest_once(repository, &Target::Tag(tag)).await {
            Ok(fetched) => self.index(&fetched.bytes, Some(&fetched.media_type)),
            Err(e) if e.kind() == Kind::NotFound => Ok(Vec::new()),
            Err(e) => Err(e),
        }
    }

    fn index(
        &self,
        body: &[u8],
        content_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        match Manifest::parse(body, content_type) {
            Ok(Manifest::Index(index)) => Ok(index.manifests),
            Ok(Manifest::Image(_)) => {
                Err(self.error(Kind::Malformed, "a list of referrers that is no index"))
            }
            Err(e) => Err(self.error(Kind::Malformed, format!("the list of referrers: {e}"))),
        }
    }

    /// The target of `Link: <…>; rel="next"` (RFC 8288), which must stay at the registry.
    fn next_page(&self, headers: &HeaderMap, at: &Url) -> Result<Option<Url>, UpstreamError> {
        let next = headers
            .get_all(LINK)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(|text| {
                let (target, parameters) = text.trim().strip_prefix('<')?.split_once('>')?;
                let next =
                    |parameter: &str| matches!(parameter.trim(), "rel=\"next\"" | "rel=next");
                parameters.split(';').any(next).then_some(target)
            });
        let Some(next) = next else {
            return Ok(None);
        };
        let url = at
            .join(next)
            .map_err(|_| self.error(Kind::Malformed, "a link to nowhere"))?;
        if url.origin() != self.base.origin() || !url.path().starts_with("/v2/") {
            return Err(self.error(Kind::NotAllowed, "a next page elsewhere"));
        }
        Ok(Some(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_knows_no_pages_is_cut_into_them() {
        let all = || ["b", "d", "a", "c"].map(str::to_owned).to_vec();
        let page = |last, n| {
            let page = cut(all(), last, n);
            (page.tags.concat(), page.next)
        };
        assert_eq!(page(None, None), ("bdac".to_owned(), None));
        assert_eq!(page(None, Some(4)), ("bdac".to_owned(), None));
        assert_eq!(
            page(None, Some(3)),
            ("abc".to_owned(), Some("c".to_owned()))
        );
        assert_eq!(page(Some("b"), None), ("cd".to_owned(), None));
        assert_eq!(
            page(Some("b"), Some(1)),
            ("c".to_owned(), Some("c".to_owned()))
        );
        assert_eq!(page(Some("d"), Some(1)), (String::new(), None));
        assert_eq!(page(None, Some(0)), (String::new(), None));
        assert_eq!(page(Some("unknown"), None), ("bdac".to_owned(), None));
    }
}
