//! A ledger of an older version, taken into the chain.

use super::*;

/// A ledger of before the chain, with so many decisions and a pull of each, is opened.
pub(crate) fn upgrade(file: &Path, decisions: usize) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ledger");
    let entries = std::fs::read_dir(sources).unwrap();
    let mut scripts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|end| end == "sql"));
    scripts.sort();
    let old = rusqlite::Connection::open(file).unwrap();
    let run = |sql: &str| old.execute_batch(sql).unwrap();
    run("PRAGMA journal_mode = WAL; CREATE TABLE migration (number INTEGER PRIMARY KEY)");
    for (number, script) in scripts.iter().take(BEFORE_THE_CHAIN).enumerate() {
        run(&std::fs::read_to_string(script).unwrap());
        run(&format!("INSERT INTO migration VALUES ({number})"));
    }
    let verdict = serde_json::to_string(&decision(0, Timestamp::UNIX_EPOCH).verdict).unwrap();
    run("BEGIN");
    let mut insert = old
        .prepare("INSERT INTO decision VALUES (?1, ?2, ?3, ?3 || ':1', ?4, '10.0.0.1', 'docker', 'gateway', 1, 'enforce', ?5, '0', 'policy.toml', 1, NULL)")
        .unwrap();
    for number in 0..decisions {
        let at = Timestamp::from_millisecond(1_700_000_000_000 + number as i64).unwrap();
        let name = format!("docker.io/team/app-{}", number % IMAGES);
        let digest = digest("image", number % IMAGES).to_string();
        let id = DecisionId::new(at).to_string();
        insert
            .execute(rusqlite::params![
                id,
                at.as_millisecond(),
                name,
                digest,
                verdict
            ])
            .unwrap();
    }
    drop(insert);
    run("INSERT INTO pull (at, decision, digest, address, user_agent, listener, kind, outcome, count, bytes)
         SELECT at, id, digest, '10.0.0.' || (rowid % 250), 'docker', 'gateway', 'manifest', 'served', 1, 0 FROM decision;
         COMMIT");
    drop(old);
    let (mut batches, mut worst, started) = (0, Duration::ZERO, Instant::now());
    let mut last = Instant::now();
    let ledger = SqliteLedger::open_telling(file, &mut |_| {
        batches += 1;
        worst = worst.max(last.elapsed());
        last = Instant::now();
    });
    let took = started.elapsed();
    println!(
        "{decisions} decisions of an older version taken over | {took:.1?} in {batches} batches, the longest {worst:.2?}"
    );
    prove(&ledger.unwrap());
}
