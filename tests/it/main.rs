//! The one test binary.
mod server_files;
