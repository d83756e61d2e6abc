# `make` says what there is to make. Everything but `deny` and `fuzz` works offline once dependencies are fetched.

CARGO ?= cargo
TARGET ?= manifest
SECONDS_TO_FUZZ ?= 60

.DEFAULT_GOAL := help
.PHONY: help run test lint fmt deny interop conformance bench bench-names bench-signatures bench-routes bench-signed bench-advisories bench-layers bench-scan fuzz

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## serve with the defaults (pass more with ARGS=…)
	$(CARGO) run --release -- serve $(ARGS)

test: ## all tests
	$(CARGO) test

lint: ## formatting and clippy, warnings are errors
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings

fmt: ## format
	$(CARGO) fmt

deny: ## licenses, bans, sources and advisories of dependencies (needs cargo-deny)
	$(CARGO) deny check

interop: ## pull with real clients, and what real signers signed; as root, see docs/interop.md
	$(CARGO) build --release
	python3 tests/interop/run.py
	python3 tests/interop/signers.py

conformance: ## the distribution-spec's own test against the gateway
	$(CARGO) build --release
	python3 tests/interop/conformance.py

bench: ## compare with a plain registry and other pull-through caches
	$(CARGO) build --release
	python3 bench/gate/run.py

bench-routes: ## what the proxy and registries' own names cost, beside the mirror and nginx as TLS reverse proxy
	$(CARGO) build --release
	python3 bench/gate/routes.py

bench-names: ## judge the name corpus and count hits, misses and false alarms
	$(CARGO) bench --bench names -- --write

bench-signed: ## what a signature check adds to a cold pull, as root, with the real cosign
	$(CARGO) build --release
	python3 bench/signed/run.py

bench-signatures: ## what verifying a signature costs, beside cosign
	$(CARGO) bench --bench signatures -- --write

bench-advisories: ## build an index of advisories and look 400 packages up: SCALE=45 for as many as there are
	$(CARGO) bench --bench advisories -- --scale $(or $(SCALE),1)

bench-scan: ## a whole scan beside other scanners, and a cold docker pull with a scan over a slow line, as root
	$(CARGO) build --release
	python3 bench/scan/programs.py
	python3 bench/scan/pulls.py

bench-layers: ## read a generated layer: MB/s of one core, gzip, zstd and plain
	$(CARGO) bench --bench layers

fuzz: ## fuzz one parser: TARGET=reference|route|manifest|image_config|challenge|name|advisory|version|layer|file|log|toc|index|signature|certificate (needs cargo-fuzz, nightly)
	$(CARGO) +nightly fuzz run --fuzz-dir tests/fuzz $(TARGET) -- -max_total_time=$(SECONDS_TO_FUZZ)
