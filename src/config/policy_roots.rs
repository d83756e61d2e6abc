//! `[root.NAME]`: whom certificates, logs and times are believed for.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::oci::Digest;
use crate::trust::{GITHUB, PUBLIC_GOOD, Root, RootSource, Roots};

use super::policy_build::Build;
use super::policy_file::{At, RootTable, Text, TufTable};

impl Build {
    /// The built-in roots and the policy's own, of what was fetched where there is something.
    pub(super) fn roots(
        &mut self,
        written: &BTreeMap<String, At<RootTable>>,
        fetched: &Roots,
    ) -> (Roots, Vec<RootSource>) {
        let (mut roots, mut sources) = (Roots::default(), Vec::new());
        for name in [PUBLIC_GOOD, GITHUB] {
            self.take(name, fetched, &mut roots);
        }
        for (name, table) in written {
            let RootTable { file, tuf, max_age } = table.get();
            let built_in = [PUBLIC_GOOD, GITHUB].contains(&name.as_str());
            match (file, tuf) {
                (Some(file), None) => self.root_of_file(name, file, &mut roots),
                (None, Some(tuf)) => {
                    roots.expect(name);
                    if let Some(source) = self.source(name, tuf) {
                        let by = Digest::of(&source.bootstrap);
                        if fetched
                            .get(name)
                            .is_some_and(|root| root.source == Some(by))
                        {
                            self.take(name, fetched, &mut roots);
                        }
                        sources.push(source);
                    }
                }
                (None, None) if built_in => {}
                _ => drop(
                    self.error(
                        table.span(),
                        format!("[root.{name}] must say file or tuf, and not both"),
                    )
                    .help("as in file = \"trusted_root.json\""),
                ),
            }
            if let Some(age) = max_age.as_ref().and_then(|age| self.duration(age)) {
                roots.limit(name, age);
            }
        }
        (roots, sources)
    }

    /// A root that is there already. What it says is part of what the policy was read from; when it was looked at is not.
    fn take(&mut self, name: &str, fetched: &Roots, roots: &mut Roots) {
        if let Some(root) = fetched.get(name) {
            self.read.push_str(&root.digest.to_string());
            roots.share(root);
        }
    }

    fn root_of_file(&mut self, name: &str, file: &Text, roots: &mut Roots) {
        let Some(json) = self.beside(file) else {
            return;
        };
        match Root::parse(name, &json) {
            Ok(root) => roots.add(root.refreshed_at(self.written(file))),
            Err(why) => {
                self.error(file.span(), format!("no trusted root: {why}"))
                    .help("a JSON file of type application/vnd.dev.sigstore.trustedroot+json");
            }
        }
    }

    /// When a file beside the policy was last written.
    fn written(&self, file: &Text) -> Option<Timestamp> {
        let path = self
            .folder
            .as_ref()
            .map_or_else(|| file.get().into(), |folder| folder.join(file.get()));
        let modified = std::fs::metadata(path).ok()?.modified().ok()?;
        Timestamp::try_from(modified).ok()
    }

    fn source(&mut self, name: &str, tuf: &At<TufTable>) -> Option<RootSource> {
        let TufTable { mirror, root } = tuf.get();
        let url = mirror.get().trim_end_matches('/');
        let whole = url::Url::parse(url).is_ok_and(|url| {
            ["https", "http"].contains(&url.scheme())
                && url.query().is_none()
                && url.username().is_empty()
        });
        if !whole {
            self.error(
                mirror.span(),
                format!("{url:?} is no address of a TUF repository"),
            )
            .help("as in mirror = \"https://tuf.example\"");
            return None;
        }
        if !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        {
            self.error(
                tuf.span(),
                format!("{name:?} is no name for a root that is fetched"),
            )
            .help("letters, digits, - and _: a folder will have this name");
            return None;
        }
        let bootstrap = self.beside(root)?;
        Some(RootSource {
            name: name.to_owned(),
            mirror: url.to_owned(),
            bootstrap: bootstrap.into_bytes().into(),
        })
    }
}
