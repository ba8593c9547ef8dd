# The commands that a person needs. Each installs what it lacks from Debian's packages, by name.

RUNTIMES := runc crun busybox-static
ENGINES  := docker.io containerd podman conmon bsdutils
BUILDING := libseccomp-dev gcc libc6-dev
HARNESS  := $(BUILDING) protobuf-compiler
TESTING  := $(HARNESS) $(RUNTIMES) $(ENGINES) strace time util-linux systemd python3-minimal nginx-light redis-tools
SHIM     := target/release/shim
PREFIX   ?= /usr/local
UNITS    ?= $(PREFIX)/lib/systemd/system
SECONDS  ?= 60
SUITE    ?= trixie sid

.PHONY: help build demo test check bench order fuzz youki newer test-newer install packages-build packages-integration packages-test

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

build: packages-build ## the static release binary, at target/release/shim
	cargo build --release --locked -p shim
	@mkdir -p target/release
	@install target/$$(rustc --print host-tuple)/release/shim $(SHIM)

demo: build packages-test ## a real container under four policies, and a denial that the agent names
	cargo run --quiet --locked -p integration --bin demo

test: build packages-test ## every check and every test, with a closing count
	sh integration/test.sh

check: packages-integration ## formatting, lints and documentation; warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

bench: build packages-test ## ratios against the bare runtime, raw numbers in target/bench
	cargo run --quiet --release --locked -p integration --bin bench
	cargo run --quiet --release --locked -p integration --bin bench_filter
	cargo run --quiet --release --locked -p integration --bin policy_scale
	cargo run --quiet --release --locked -p integration --bin bench_docker
	cargo run --quiet --release --locked -p integration --bin bench_agent
	cargo bench --quiet --locked -p profile --bench restrict -- --quick
	cargo bench --quiet --locked -p default-profile --bench default -- --quick

order: packages-integration ## shim/runtime-path.ld anew: which functions a create executes, for the linker
	CARGO_PROFILE_RELEASE_STRIP=false cargo build --release --locked -p shim --target-dir target/order
	cargo run --quiet --locked -p integration --bin link_order -- \
		target/order/$$(rustc --print host-tuple)/release/shim shim/runtime-path.ld

fuzz: packages-integration ## new inputs for what reads untrusted bytes; SECONDS=60 for each target
	cargo run --quiet --release --locked -p integration --bin fuzz -- all --seconds $(SECONDS)

youki: packages-build ## youki, which Debian lacks, for the tests: target/youki/bin/youki
	cargo install youki --version 0.7.0 --locked --features v1,v2,seccomp --root target/youki

newer: packages-build ## newer Debians with their engines, for the tests: target/newer/SUITE
	for suite in $(SUITE); do sh integration/newer.sh $$suite || exit 1; done

test-newer: build packages-integration ## the tests of engines and runtimes inside those roots
	SUITE="$(SUITE)" sh integration/test-newer.sh

install: build ## the binary in PREFIX/bin, the agent's units in UNITS
	install -D $(SHIM) $(DESTDIR)$(PREFIX)/bin/shim
	install -d $(DESTDIR)$(UNITS)
	install -m 644 shim/systemd/seccomp-shim-agent.socket $(DESTDIR)$(UNITS)/
	sed 's|/usr/local/bin/|$(PREFIX)/bin/|' shim/systemd/seccomp-shim-agent.service \
		> $(DESTDIR)$(UNITS)/seccomp-shim-agent.service
	chmod 644 $(DESTDIR)$(UNITS)/seccomp-shim-agent.service

packages-build:
	@sh integration/packages.sh $(BUILDING)

# What the crate `integration` takes to build: its k8s-cri asks for protoc.
packages-integration:
	@sh integration/packages.sh $(HARNESS)

packages-test:
	@sh integration/packages.sh $(TESTING)
