//! Layers with a table of contents, as eStargz and zstd:chunked write them: each chunk of a file is a member of the
//! compression, and the table says where it begins.

use lazaret::oci::Digest;
use serde_json::{Value, json};

use super::tarball::{ended, gzip, header, owned, records};

/// A layer, what its manifest announces, and the digest of its tar.
pub(crate) struct Lazy {
    pub(crate) media_type: &'static str,
    pub(crate) layer: Vec<u8>,
    pub(crate) annotations: Vec<(&'static str, String)>,
    pub(crate) diff_id: Digest,
}

/// Which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Stargz,
    ZstdChunked,
}

/// The layer while it is written.
struct Writer {
    style: Style,
    layer: Vec<u8>,
    tar: Vec<u8>,
    /// What belongs to no chunk.
    pending: Vec<u8>,
}

impl Writer {
    fn member(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.layer.extend(match self.style {
                Style::Stargz => gzip(bytes),
                Style::ZstdChunked => zstd::encode_all(bytes, 3).unwrap(),
            });
            self.tar.extend_from_slice(bytes);
        }
    }

    fn flush(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        self.member(&pending);
    }

    /// A file and its rows, in chunks of so many bytes.
    fn file(&mut self, path: &str, content: &[u8], chunk: usize, rows: &mut Vec<Value>) {
        self.pending.extend(header(path, b'0', "", content.len()));
        let mut row = json!({ "type": "reg", "name": path, "size": content.len(), "mode": 0o644 });
        if content.is_empty() {
            rows.push(row);
            return;
        }
        row["digest"] = Digest::of(content).to_string().into();
        self.flush();
        for (number, part) in content.chunks(chunk).enumerate() {
            row["offset"] = self.layer.len().into();
            row["chunkOffset"] = (number * chunk).into();
            row["chunkDigest"] = Digest::of(part).to_string().into();
            if content.len() > chunk {
                row["chunkSize"] = part.len().into();
            }
            self.member(part);
            rows.push(row);
            row = json!({ "type": "chunk", "name": path });
        }
        let padding = content.len().next_multiple_of(512) - content.len();
        self.pending.resize(padding, 0);
    }
}

/// A layer of these files, a folder and two links; `change` is what its table says otherwise.
pub(crate) fn lazy(
    style: Style,
    files: &[(&str, &[u8])],
    change: impl FnOnce(&mut Vec<Value>),
) -> Lazy {
    let mut writer = Writer {
        style,
        layer: Vec::new(),
        tar: Vec::new(),
        pending: Vec::new(),
    };
    let mut rows = vec![
        json!({ "type": "dir", "name": "opt/", "mode": 0o644, "uid": 7, "gid": 8 }),
        json!({ "type": "symlink", "name": "opt/link", "linkName": "target", "mode": 0o644, "uid": 3_000_000, "gid": 1 }),
        json!({ "type": "reg", "name": "opt/ping", "mode": 0o644, "xattrs": { "security.capability": "AQAAAg==" } }),
        json!({ "type": "hardlink", "name": "opt/pong", "linkName": "opt/ping", "mode": 0o644, "uid": 5 }),
        json!({ "type": "fifo", "name": "opt/queue", "mode": 0o644, "gid": 9 }),
    ];
    let mut pending = owned(header("opt/", b'5', "", 0), 7, 8).to_vec();
    // Numbers that no header has room for stand in records, and win.
    pending.extend(records(&[
        ("uid", b"3000000"),
        ("gid", b"1"),
        ("LIBARCHIVE.xattr.user.x", b"eA"),
    ]));
    pending.extend(owned(header("opt/link", b'2', "target", 0), 5, 5));
    pending.extend(records(&[
        ("SCHILY.xattr.security.capability", &[1, 0, 0, 2]),
        ("SCHILY.xattr.user.none", b""),
    ]));
    pending.extend(header("opt/ping", b'0', "", 0));
    pending.extend(header("opt/pong", b'1', "opt/ping", 0));
    pending.extend(owned(header("opt/queue", b'6', "", 0), 0, 9));
    writer.pending = pending;
    for (path, content) in files {
        writer.file(path, content, 1000, &mut rows);
    }
    change(&mut rows);
    let table = json!({ "version": 1, "entries": rows }).to_string();
    match style {
        Style::Stargz => stargz(writer, table.as_bytes()),
        Style::ZstdChunked => chunked(writer, table.as_bytes()),
    }
}

fn stargz(mut writer: Writer, table: &[u8]) -> Lazy {
    writer.flush();
    let mut last = header("stargz.index.json", b'0', "", table.len()).to_vec();
    last.extend_from_slice(table);
    last.resize(last.len().next_multiple_of(512), 0);
    writer.member(&ended(last));
    let digest = Digest::of(table).to_string();
    Lazy {
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip",
        annotations: vec![("containerd.io/snapshot/stargz/toc.digest", digest)],
        diff_id: Digest::of(&writer.tar),
        layer: writer.layer,
    }
}

fn chunked(mut writer: Writer, table: &[u8]) -> Lazy {
    writer.pending = ended(std::mem::take(&mut writer.pending));
    writer.flush();
    let packed = zstd::encode_all(table, 3).unwrap();
    let place = (writer.layer.len() + 8, packed.len(), table.len());
    for frame in [packed.as_slice(), &[0; 64]] {
        // A frame that decoders pass over (RFC 8878, section 3.1.2).
        writer.layer.extend([0x50, 0x2a, 0x4d, 0x18]);
        let length = u32::try_from(frame.len()).unwrap();
        writer.layer.extend(length.to_le_bytes());
        writer.layer.extend_from_slice(frame);
    }
    let announced = |name: &'static str, text: String| (name, text);
    Lazy {
        media_type: "application/vnd.oci.image.layer.v1.tar+zstd",
        annotations: vec![
            announced(
                "io.github.containers.zstd-chunked.manifest-checksum",
                Digest::of(&packed).to_string(),
            ),
            announced(
                "io.github.containers.zstd-chunked.manifest-position",
                format!("{}:{}:{}:1", place.0, place.1, place.2),
            ),
        ],
        diff_id: Digest::of(&writer.tar),
        layer: writer.layer,
    }
}
