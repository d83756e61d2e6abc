//! Files of a layer, shown to somebody else while they pass.

/// Who looks at files while a layer is read: a scanner of viruses.
pub trait Onlooker: Send {
    /// A regular file begins; `size` bytes follow.
    fn begin(&mut self, path: &str, size: u64);
    /// The next bytes of it.
    fn bytes(&mut self, bytes: &[u8]);
    /// It is at its end.
    fn end(&mut self);
}
