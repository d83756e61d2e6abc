use std::os::unix::fs::PermissionsExt as _;

use super::super::create;
use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-05-01T12:00:00Z";

/// A folder with an authority in it, and its name.
fn made() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("ca");
    create(&own, &["ghcr.io".to_owned()], at(NOW)).unwrap();
    (folder, own)
}

fn hosts() -> Vec<String> {
    vec!["ghcr.io".to_owned(), "quay.io".to_owned()]
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".pem"))
        .collect();
    names.sort();
    names
}

/// Who signs at a time: the number of certificates that are trusted, and whether it is the first of them.
fn signer(folder: &Path, now: &str) -> (usize, Vec<u8>) {
    let authority = load_own(folder).unwrap();
    let leaf = authority.leaf("ghcr.io", at(now)).unwrap();
    let trusted = authority.trusted(at(now));
    assert_eq!(leaf.cert[1], trusted[0], "who signs is trusted first");
    (trusted.len(), trusted[0].to_vec())
}

#[test]
fn clients_trust_both_before_the_new_one_signs_and_then_the_old_one_goes() {
    let (_kept, own) = made();
    let (count, old) = signer(&own, NOW);
    assert_eq!(count, 1);
    let state = rotate(&own, &hosts(), None, at(NOW)).unwrap();
    assert_eq!((state.signing, state.next.unwrap().number), (1, 2));
    assert_eq!(names(&own), ["ca-2.pem", "ca.pem", "key-2.pem", "key.pem"]);
    let mode = fs::metadata(own.join("key-2.pem")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert_eq!(signer(&own, NOW), (2, old.clone()));
    let both = trusted(&own).unwrap();
    assert_eq!(both.matches("BEGIN CERTIFICATE").count(), 2);
    // Nobody signs by it, however long that lasts.
    assert_eq!(signer(&own, "2029-01-01T00:00:00Z").1, old);
    let why = rotate(&own, &hosts(), None, at(NOW))
        .unwrap_err()
        .to_string();
    assert!(why.contains("authority 2 is waiting already"), "{why}");

    finish(&own).unwrap();
    assert_eq!(names(&own), ["ca-2.pem", "key-2.pem"]);
    let (count, new) = signer(&own, NOW);
    assert!(count == 1 && new != old);
    let certificate = crate::trust::Certificate::from_der(&new).unwrap();
    assert_eq!(certificate.subject(), "CN=Lazaret registry gateway 2");
    assert_eq!(crate::ca::hosts(&new), hosts());
    // And once more: there is always a next number.
    rotate(&own, &hosts(), None, at(NOW)).unwrap();
    finish(&own).unwrap();
    assert_eq!(names(&own), ["ca-3.pem", "key-3.pem"]);
    assert!(finish(&own).is_err() && cancel(&own, at(NOW)).is_err());
}

#[test]
fn a_date_decides_and_both_stay_trusted_until_it_is_finished() {
    let (_kept, own) = made();
    let day = "2026-06-01T00:00:00Z";
    rotate(&own, &hosts(), Some(at(day)), at(NOW)).unwrap();
    let (before, after) = (signer(&own, "2026-05-31T23:59:59Z"), signer(&own, day));
    assert_eq!((before.0, after.0), (2, 2));
    assert_ne!(before.1, after.1);
    let why = cancel(&own, at(day)).unwrap_err().to_string();
    assert!(why.contains("authority 2 signs already"), "{why}");
    finish(&own).unwrap();
    assert_eq!(signer(&own, day), (1, after.1));
}

#[test]
fn what_is_cancelled_leaves_all_as_it_was() {
    let (_kept, own) = made();
    let before = signer(&own, NOW);
    rotate(&own, &hosts(), None, at(NOW)).unwrap();
    cancel(&own, at(NOW)).unwrap();
    assert_eq!(names(&own), ["ca.pem", "key.pem"]);
    assert_eq!(signer(&own, NOW), before);
}

/// Every point at which a step can be cut off is one at which the folder can be read, and the step can be taken again.
#[test]
fn a_step_that_was_cut_off_is_taken_again() {
    let (_kept, own) = made();
    let before = signer(&own, NOW);
    // While making: files that no state speaks of.
    fs::write(own.join("key-2.pem"), "half a key").unwrap();
    fs::write(own.join("rotation.new"), "{").unwrap();
    fs::write(own.join("mine.pem"), "somebody's own").unwrap();
    assert_eq!(signer(&own, NOW), before);
    rotate(&own, &hosts(), None, at(NOW)).unwrap();
    // While finishing: the state is there, and the old files are too.
    let (_, new) = (before, fs::read(own.join("ca-2.pem")).unwrap());
    let old = fs::read(own.join("ca.pem")).unwrap();
    finish(&own).unwrap();
    fs::write(own.join("ca.pem"), &old).unwrap();
    fs::write(own.join("key.pem"), "x").unwrap();
    assert_eq!(trusted(&own).unwrap().as_bytes(), new);
    rotate(&own, &hosts(), None, at(NOW)).unwrap();
    assert_eq!(
        names(&own),
        ["ca-2.pem", "ca-3.pem", "key-2.pem", "key-3.pem", "mine.pem"]
    );
}

#[test]
fn what_is_not_of_use_is_not_made_to_sign() {
    let (_kept, own) = made();
    rotate(&own, &hosts(), None, at(NOW)).unwrap();
    let key = own.join("key-2.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    for why in [
        finish(&own).unwrap_err().to_string(),
        load_own(&own).err().unwrap().to_string(),
    ] {
        assert!(why.contains("others may read the key"), "{why}");
    }
    fs::write(own.join(STATE), "{\"signing\":1,\"more\":2}").unwrap();
    assert!(
        Rotation::read(&own)
            .unwrap_err()
            .to_string()
            .contains("rotation.json: unknown field")
    );
    fs::write(own.join(STATE), " ".repeat(9_999)).unwrap();
    assert!(Rotation::read(&own).is_err());
    let _held = locked(&own).unwrap();
    let why = finish(&own).unwrap_err().to_string();
    assert!(why.contains("somebody else is rotating it"), "{why}");
}
