//! How much of a layer is read and kept: whoever builds an image chooses every number in it.

/// Largest tar in bytes: the largest public layers (CUDA, model servers) unpack to about 10 GiB.
const MAX_TAR_BYTES: u64 = 16 << 30;
/// Most entries: a full desktop has some 400 thousand files, one image of `node_modules` about as many.
const MAX_ENTRIES: u64 = 1_000_000;
/// Largest growth by decompression: real layers grow 2 to 20 times, gzip of zeros about 1,000.
const MAX_RATIO: u64 = 250;
/// Below so many bytes any growth is harmless: small layers of zeros exist.
const RATIO_FROM_BYTES: u64 = 64 << 20;
/// Largest package database: one of a full desktop has some 200 MB.
const MAX_DATABASE_BYTES: u64 = 256 << 20;
/// Largest package manifest in bytes: `installed.json` of large applications has about one MiB.
const MAX_MANIFEST_BYTES: u64 = 16 << 20;
/// Largest executable that is held whole to find its table of sections, which comes last.
const MAX_EXECUTABLE_BYTES: u64 = 64 << 20;
/// Largest Java archive that is held whole: its directory comes last too.
const MAX_ARCHIVE_BYTES: u64 = 128 << 20;
/// Most bytes of names, versions and paths that stay after the pass: 100 thousand packages have about 10 MB.
const MAX_KEPT_BYTES: u64 = 64 << 20;

/// Bounds of one pass; `Default` is what the gateway uses.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the tar.
    pub tar_bytes: u64,
    /// Entries of the tar.
    pub entries: u64,
    /// Bytes out for each byte in.
    pub ratio: u64,
    /// Bytes out from which the ratio counts.
    pub ratio_from_bytes: u64,
    /// Bytes of one package database; more is unscannable.
    pub database_bytes: u64,
    /// Bytes of one manifest of a language's package; more is a gap.
    pub manifest_bytes: u64,
    /// Bytes of one executable that are looked at beyond a stream; more is a gap.
    pub executable_bytes: u64,
    /// Bytes of one Java archive; more is a gap.
    pub archive_bytes: u64,
    /// Bytes of facts.
    pub kept_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            tar_bytes: MAX_TAR_BYTES,
            entries: MAX_ENTRIES,
            ratio: MAX_RATIO,
            ratio_from_bytes: RATIO_FROM_BYTES,
            database_bytes: MAX_DATABASE_BYTES,
            manifest_bytes: MAX_MANIFEST_BYTES,
            executable_bytes: MAX_EXECUTABLE_BYTES,
            archive_bytes: MAX_ARCHIVE_BYTES,
            kept_bytes: MAX_KEPT_BYTES,
        }
    }
}
