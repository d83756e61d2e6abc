// Writes a database in trivy's format (schema 2, a bbolt file and metadata.json) with one advisory about openssl in Debian 12,
// so that the real trivy can be asked where its own database cannot be fetched. The argument is trivy's cache folder.
package main

import (
	"log"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

func put(bucket *bbolt.Bucket, key, value string) {
	if err := bucket.Put([]byte(key), []byte(value)); err != nil {
		log.Fatal(err)
	}
}

func bucket(parent interface {
	CreateBucketIfNotExists([]byte) (*bbolt.Bucket, error)
}, name string) *bbolt.Bucket {
	made, err := parent.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		log.Fatal(err)
	}
	return made
}

func main() {
	folder := filepath.Join(os.Args[1], "db")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		log.Fatal(err)
	}
	db, err := bbolt.Open(filepath.Join(folder, "trivy.db"), 0o644, nil)
	if err != nil {
		log.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		put(bucket(bucket(tx, "debian 12"), "openssl"), "CVE-2026-1", `{"FixedVersion":"3.0.13-1","Severity":4}`)
		put(bucket(tx, "data-source"), "debian 12", `{"ID":"debian","Name":"Debian Security Tracker","URL":"https://security-tracker.debian.org"}`)
		put(bucket(tx, "vulnerability"), "CVE-2026-1", `{"Title":"a made up one","Severity":"CRITICAL","VendorSeverity":{"debian":4}}`)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := db.Close(); err != nil {
		log.Fatal(err)
	}
	now := time.Now().UTC()
	stamp := func(at time.Time) string { return at.Format(time.RFC3339) }
	about := `{"Version":2,"NextUpdate":"` + stamp(now.Add(24*time.Hour)) + `","UpdatedAt":"` + stamp(now) + `","DownloadedAt":"` + stamp(now) + `"}`
	if err := os.WriteFile(filepath.Join(folder, "metadata.json"), []byte(about), 0o644); err != nil {
		log.Fatal(err)
	}
}
