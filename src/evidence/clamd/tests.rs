//! Against a clamd that is none.

use std::os::unix::net::UnixListener;

use super::*;

/// Larger than the fake takes.
const MOST: usize = 1_000;

fn conversation(mut stream: UnixStream) -> io::Result<()> {
    let mut command = Vec::new();
    let mut byte = [0; 1];
    while stream.read(&mut byte)? == 1 && byte != [0] {
        command.extend(byte);
    }
    if command == b"zVERSION" {
        return stream.write_all(b"ClamAV 1.4.3/27500/Tue Nov 24 08:00:00 2026\0");
    }
    assert_eq!(command, b"zINSTREAM");
    let mut file = Vec::new();
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length == 0 {
            break;
        }
        let at = file.len();
        file.resize(at + length, 0);
        stream.read_exact(&mut file[at..])?;
        if file.len() > MOST {
            return stream.write_all(b"INSTREAM size limit exceeded. ERROR\0");
        }
    }
    let has = |word: &[u8]| memchr::memmem::find(&file, word).is_some();
    let answer: &[u8] = match () {
        () if has(b"virus") => b"stream: Test.Virus FOUND\0",
        () if has(b"nested") => b"stream: Heuristics.Limits.Exceeded.MaxRecursion FOUND\0",
        () if has(b"silent") => b"",
        () => b"stream: OK\0",
    };
    stream.write_all(answer)
}

fn fake() -> (tempfile::TempDir, Clamd) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clamd.ctl");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = conversation(stream);
        }
    });
    (folder, Clamd::Unix(path))
}

fn show(clamd: &Clamd, files: &[(&str, Vec<u8>)]) -> Result<Looked, String> {
    let mut onlooker = clamd.onlooker();
    for (path, content) in files {
        onlooker.begin(path, content.len() as u64);
        content.chunks(7).for_each(|chunk| onlooker.bytes(chunk));
        onlooker.end();
    }
    Box::new(onlooker).finish()
}

#[test]
fn files_are_streamed_and_answers_told() {
    let (_folder, clamd) = fake();
    let files = [
        ("bin/good", b"a program".to_vec()),
        ("bin/bad", b"a virus in it".to_vec()),
        ("empty", Vec::new()),
        ("big", vec![b'x'; 100 * MOST]),
        ("box", b"a nested archive".to_vec()),
        ("bin/also-good", b"another program".to_vec()),
    ];
    let looked = show(&clamd, &files).unwrap();
    let infected = [("bin/bad".to_owned(), "Test.Virus".to_owned())];
    assert_eq!(looked.found, infected);
    let unscanned: Vec<&str> = looked
        .unscanned
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(unscanned, ["big", "box"], "limits are no clean bill");
    assert!(clamd.version().unwrap().starts_with("ClamAV 1.4.3/27500"));
}

#[test]
fn what_does_not_answer_has_not_looked() {
    let (_folder, clamd) = fake();
    let files = [("a", b"silent".to_vec()), ("b", b"a virus".to_vec())];
    assert!(show(&clamd, &files).is_err());
    let nobody = Clamd::Unix("/nonexistent/clamd.ctl".into());
    assert!(show(&nobody, &files).is_err() && nobody.version().is_err());
}
