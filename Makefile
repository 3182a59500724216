# The front door.

SHELL := /bin/bash
# Folders under guest/ that are connectors.
CONNECTORS := bitbucket scim
# Folders under tests/ that are connectors.
HOSTILE := hostile
# What finds a toolchain, or installs one.
CARGO := . scripts/toolchain.sh && cargo
# Always the same profile and the same packages: cargo compiles wasmtime anew for each set of features that the chosen
# packages add up to.
ALL := --release --locked --workspace

.PHONY: help demo test attack build guest hostile small guest-cargo-component lint advisories fmt fuzz bench clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 24

demo: build ## Read a made-up workspace, from nothing to files on disk
	@scripts/demo.sh

test: build hostile small ## Run everything that must hold
	@scripts/test.sh $(ALL)

attack: build hostile small ## Run every attack of SECURITY.md against the built binary (or PORTCULLIS_BIN): PASS or FAIL
	@scripts/attack.sh

build: guest ## Build the connectors and the host, to target/release/portcullis
	@$(CARGO) build $(ALL) --all-targets

guest: ## Build the connectors, to target/components/<name>.wasm
	@scripts/guest.sh $(CONNECTORS)

hostile: ## Build the connectors that attack the host, for the tests
	@scripts/guest.sh $(HOSTILE)

small: ## Build a connector for size, for the test that compares two builds of one source
	@PROFILE=guest-small scripts/guest.sh bitbucket

guest-cargo-component: guest ## Build them with cargo-component too, and compare imports and exports
	@scripts/guest-cargo-component.sh $(CONNECTORS)

lint: ## Check formatting, clippy, rustdoc and dependencies
	@scripts/lint.sh

advisories: ## Check the dependencies against the RustSec database, which has to be reachable
	@scripts/advisories.sh

fmt: ## Format
	@$(CARGO) fmt --all

fuzz: ## Feed arbitrary bytes to what reads them, FUZZ_SECONDS (60) for each target
	@scripts/fuzz.sh

bench: build hostile ## Measure, and print ratios: all of it, or BENCH="overhead latency ..."
	@$(CARGO) bench --quiet --profile release --locked --workspace --bench all -- $(BENCH)

clean: ## Remove everything that was built
	rm -rf target
