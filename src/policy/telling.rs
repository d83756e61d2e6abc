//! Who is told of what, when, and in which words. Pure.

mod quiet;
mod scope;
mod template;

pub use quiet::Quiet;
pub use scope::{Scope, Team, Teams};
pub use template::{FIELDS, Template, TemplateError};
