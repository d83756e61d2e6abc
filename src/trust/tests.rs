//! The whole room against independent vectors and against material signed here.

mod conformance;
mod mutation;
