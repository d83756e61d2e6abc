"""Writes a database in grype's format (schema 6, SQLite) with one advisory about openssl in Debian 12, and has grype import
it, so that the real grype can be asked where its own database cannot be fetched. The tables are those that grype's
`grype/db/v6/models.go` names; grype makes the others, which are empty, when it imports."""

import json
import sqlite3
import tarfile
from datetime import datetime, timezone
from pathlib import Path

from lab import run

TABLES = """
CREATE TABLE blobs (id INTEGER PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE db_metadata (build_timestamp DATETIME NOT NULL, model INTEGER NOT NULL, revision INTEGER NOT NULL, addition INTEGER NOT NULL);
CREATE TABLE providers (id TEXT PRIMARY KEY, version TEXT, processor TEXT, date_captured DATETIME, input_digest TEXT);
CREATE TABLE vulnerability_handles (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL, published_date DATETIME,
    modified_date DATETIME, withdrawn_date DATETIME, provider_id TEXT NOT NULL, blob_id INTEGER);
CREATE TABLE packages (id INTEGER PRIMARY KEY, ecosystem TEXT, name TEXT);
CREATE TABLE operating_systems (id INTEGER PRIMARY KEY, name TEXT, release_id TEXT, major_version TEXT, minor_version TEXT,
    label_version TEXT, codename TEXT, channel TEXT, eol_date DATETIME, eoas_date DATETIME);
CREATE TABLE affected_package_handles (id INTEGER PRIMARY KEY, vulnerability_id INTEGER NOT NULL, operating_system_id INTEGER,
    package_id INTEGER, blob_id INTEGER);
"""
VULNERABILITY = {"id": "CVE-2026-1", "description": "a made up one",
                 "severities": [{"scheme": "CHMLN", "value": "critical", "rank": 1}]}
PACKAGE = {"cves": ["CVE-2026-1"], "ranges": [{"version": {"type": "deb", "constraint": "< 3.0.13-1"},
                                               "fix": {"version": "3.0.13-1", "state": "fixed"}}]}


def put(grype: Path, cache: Path, folder: Path):
    """Into grype's folder `cache`; what is made on the way lies in `folder`."""
    path = folder / "vulnerability.db"
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S+00:00")
    database = sqlite3.connect(path)
    database.executescript(TABLES)
    for table, row in [
        ("db_metadata", (now, 6, 1, 10)),
        ("providers", ("debian", "2", "vunnel", now, "")),
        ("blobs", (1, json.dumps(VULNERABILITY))),
        ("blobs", (2, json.dumps(PACKAGE))),
        ("vulnerability_handles", (1, "CVE-2026-1", "active", None, None, None, "debian", 1)),
        ("packages", (1, "deb", "openssl")),
        ("operating_systems", (1, "debian", "debian", "12", "", "", "bookworm", "", None, None)),
        ("affected_package_handles", (1, 1, 1, 1, 2)),
    ]:
        database.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
    database.commit()
    database.close()
    archive = folder / "grype.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(path, arcname=path.name)
    run([grype, "db", "import", archive], env=environment(cache, folder))


def environment(cache: Path, home: Path) -> dict:
    return {"HOME": str(home), "GRYPE_DB_CACHE_DIR": str(cache), "GRYPE_DB_AUTO_UPDATE": "false",
            "GRYPE_CHECK_FOR_APP_UPDATE": "false"}
