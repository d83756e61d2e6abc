//! Writes tars, sound ones and others.

use std::io::Write as _;

#[derive(Default)]
pub(in crate::scan) struct Archive {
    pub(in crate::scan) bytes: Vec<u8>,
}

impl Archive {
    pub(in crate::scan) fn header(&mut self, name: &str, kind: u8, link: &str, size: u64) {
        let mut block = [0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..107].copy_from_slice(b"0000755");
        block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        block[156] = kind;
        block[157..157 + link.len()].copy_from_slice(link.as_bytes());
        block[257..265].copy_from_slice(b"ustar\x0000");
        self.block(block);
    }

    /// Adds a header block with its right checksum.
    pub(in crate::scan) fn block(&mut self, mut block: [u8; 512]) {
        block[148..156].copy_from_slice(b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.bytes.extend(block);
    }

    pub(in crate::scan) fn entry(&mut self, name: &str, kind: u8, link: &str, content: &[u8]) {
        self.header(name, kind, link, content.len() as u64);
        self.bytes.extend(content);
        let padded = self.bytes.len().next_multiple_of(512);
        self.bytes.resize(padded, 0);
    }

    pub(in crate::scan) fn file(&mut self, name: &str, content: &[u8]) {
        self.entry(name, b'0', "", content);
    }

    pub(in crate::scan) fn folder(&mut self, name: &str) {
        self.entry(name, b'5', "", b"");
    }

    pub(in crate::scan) fn link(&mut self, name: &str, kind: u8, target: &str) {
        self.entry(name, kind, target, b"");
    }

    pub(in crate::scan) fn pax(&mut self, records: &[(&str, &str)]) {
        let mut body = String::new();
        for (key, value) in records {
            let rest = format!(" {key}={value}\n");
            let mut length = rest.len();
            while length != rest.len() + length.to_string().len() {
                length = rest.len() + length.to_string().len();
            }
            body.push_str(&format!("{length}{rest}"));
        }
        self.entry("PaxHeaders/x", b'x', "", body.as_bytes());
    }

    pub(in crate::scan) fn end(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 1024, 0);
        self.bytes
    }
}

pub(in crate::scan) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}
