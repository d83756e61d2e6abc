//! The parameters of a query, read strictly: one that is not known would be a condition that does not hold.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::problem::Problem;

/// Longest query that is read.
const MAX_QUERY_BYTES: usize = 4 * 1024;

/// What a request asks for.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a query whose parameters have these names, each at most once.
    pub(super) fn read(
        query: &str,
        known: &[super::endpoint::Parameter],
    ) -> Result<Parameters, Problem> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(Problem::bad(format!(
                "the query is longer than {MAX_QUERY_BYTES} bytes"
            )));
        }
        let mut read = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if known.iter().all(|parameter| parameter.name != name) {
                let names: Vec<&str> = known.iter().map(|parameter| parameter.name).collect();
                let known = match names.is_empty() {
                    true => "it has none".to_owned(),
                    false => format!("known are {}", names.join(", ")),
                };
                return Err(Problem::bad(format!("no parameter {name:?}; {known}")));
            }
            if read.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Problem::bad(format!("the parameter {name} stands twice")));
            }
        }
        Ok(Parameters(read))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that is more than a text.
    pub(super) fn parsed<T: FromStr>(
        &self,
        name: &str,
        example: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            Problem::bad(format!(
                "{name}: {text:?} is none; write it as in {example}"
            ))
        })
    }
}
