//! Layers from a few words.

/// An uncompressed tar of these files.
pub(crate) fn tarball(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, content) in files {
        entry(&mut tar, path, b'0', "", content);
    }
    ended(tar)
}

/// Adds an entry of any kind.
pub(crate) fn entry(tar: &mut Vec<u8>, path: &str, kind: u8, link: &str, content: &[u8]) {
    tar.extend_from_slice(&header(path, kind, link, content.len()));
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

/// The mark of an archive's end.
pub(crate) fn ended(mut tar: Vec<u8>) -> Vec<u8> {
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// A header block of ustar.
pub(crate) fn header(path: &str, kind: u8, link: &str, size: usize) -> [u8; 512] {
    let mut header = [0u8; 512];
    header[..path.len()].copy_from_slice(path.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[108..115].copy_from_slice(b"0000000");
    header[116..123].copy_from_slice(b"0000000");
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[136..147].copy_from_slice(b"00000000000");
    header[148..156].copy_from_slice(b"        ");
    header[156] = kind;
    header[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header[257..265].copy_from_slice(b"ustar\x0000");
    summed(header)
}

/// The same of somebody else.
pub(crate) fn owned(mut header: [u8; 512], user: u64, group: u64) -> [u8; 512] {
    header[116..123].copy_from_slice(format!("{group:07o}").as_bytes());
    changed(header, 108, format!("{user:07o}").as_bytes())
}

/// The same with other bytes in one place.
pub(crate) fn changed(mut header: [u8; 512], at: usize, bytes: &[u8]) -> [u8; 512] {
    header[at..at + bytes.len()].copy_from_slice(bytes);
    header[148..156].copy_from_slice(b"        ");
    summed(header)
}

fn summed(mut header: [u8; 512]) -> [u8; 512] {
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

/// An entry with records about the next one (pax(1), "pax Extended Header").
pub(crate) fn records(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        let rest = [format!(" {key}=").as_bytes(), value, b"\n"].concat();
        let mut length = rest.len();
        while length != rest.len() + length.to_string().len() {
            length = rest.len() + length.to_string().len();
        }
        body.extend_from_slice(length.to_string().as_bytes());
        body.extend_from_slice(&rest);
    }
    let mut tar = Vec::new();
    entry(&mut tar, "PaxHeaders/x", b'x', "", &body);
    tar
}

/// Compressed as most layers are.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut writer, bytes).unwrap();
    writer.finish().unwrap()
}
