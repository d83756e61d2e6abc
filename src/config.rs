//! What people write, checked: files in, plain validated data out, mistakes shown where they are.

mod diagnostic;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
