# `make help` says what there is.
SHELL := /bin/bash
.PHONY: help test quick lint deny coverage mutants mutations clients chaos chaos-litellm world replay fuzz translation-cost

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

test: tools/installed ## install what the tests need, then run them all
	@failed=0; \
	cargo test --workspace --all-targets --no-fail-fast || failed=1; \
	cargo test --workspace --doc --no-fail-fast || failed=1; \
	$(MAKE) clients || failed=1; \
	exit $$failed

quick: ## formatting, lints, units and golden files: under a minute when the tree is warm
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo test --workspace --lib --quiet
	cargo test --quiet -p ainfera-wire --test golden

lint: ## formatting, lints and documentation, warnings refused
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --quiet

deny: ## licences, banned crates and sources; needs `cargo install cargo-deny`
	cargo deny --workspace check licenses bans sources

chaos: tools/installed ## every fault, on real processes and databases: six minutes
	tests/chaos/install.sh
	cargo test --test chaos -- full

world: tools/installed ## the gateway among real programs (nginx, PostgreSQL with a standby), with large numbers
	AINFERA_WORLD=whole cargo test --test world

chaos-litellm: ## the same driver against LiteLLM's proxy, from the Python registry
	tests/chaos/litellm.sh

RECORDINGS ?= fidelity/recordings
replay: ## recorded provider streams through every client dialect, alone and through a gateway; RECORDINGS=folder for others
	cargo run --quiet -p ainfera-fidelity -- $(RECORDINGS) 98
	cargo build --quiet --bin ainfera
	cargo run --quiet -p ainfera-fidelity -- $(RECORDINGS) 98 $${CARGO_TARGET_DIR:-target}/debug/ainfera

# rustc writes profiles that only LLVM tools of its own version read: 22, a package of Debian's.
LLVM_VERSION ?= 22
COVERED ?= -p ainfera-routing -p ainfera-schema -p ainfera-wire
coverage: ## lines that the tests of the pure crates reach; needs `cargo install cargo-llvm-cov` and llvm-22
	LLVM_COV=llvm-cov-$(LLVM_VERSION) LLVM_PROFDATA=llvm-profdata-$(LLVM_VERSION) \
	cargo llvm-cov --summary-only $(COVERED)

MUTATED ?= routing/src/**
mutants: ## changes to the code that no test notices; needs `cargo install cargo-mutants`
	cargo mutants --workspace --file '$(MUTATED)' --output target

MACHINES ?= dispatch capture
mutations: ## breaks one rule of the two machines at a time and says which test notices; half an hour
	tools/mutations.py $(MACHINES)

fuzz: ## each decoder and each parser for a minute
	tools/fuzz.sh

translation-cost: ## instructions for one event, each provider dialect to each client dialect
	tools/translation_cost.sh

clients: tools/installed ## official SDKs against a real gateway
	cargo build --bin ainfera
	tests/clients/run.sh

.PHONY: tools/installed
tools/installed:
	tools/install.sh
