# Everything starts here: `make` lists the commands. Nothing outside this folder is changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check install -q -c constraints.txt
EDITABLE := $(PIP_INSTALL) --no-build-isolation --editable
BUILD_APART = $(BIN)/python setup.py -q build --build-base $$ENGINE_BUILD \
	--build-lib $$ENGINE_BUILD/lib
SOURCES := $(wildcard proto/repriced/v1/*.proto engine/*.pyx engine/*.pxd \
  proto/repriced/*.pyx server/amazon/*.pyx)

# cython-lint looks for its helper in PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test check test-asan test-debug sanitized fuzz fuzz-wire bench bench-check
.PHONY: bench-claims claims-truth market soak-crash soak-machine soak-load soak-overload
.PHONY: annotate clean always

help:
	@echo "repriced: offers in, safe prices out"
	@echo ""
	@echo "  make demo      start a server, play a marketplace against it; audit a sample FBA year"
	@echo "  make test      run the tests"
	@echo "  make check     lint: style, types, import direction, schema, alert rules"
	@echo "  make test-asan   run the tests of the engine under the address and overflow sanitizers"
	@echo "  make test-debug  run the rules and a replay with every check of Cython on"
	@echo "  make fuzz      fuzz all that reads foreign bytes, guided by coverage: SECONDS=60 a target"
	@echo "                 (TARGET=journal, N= executions instead, SEED=1, KEEP=folder of a corpus)"
	@echo "  make fuzz-wire compare the wire codec with the parser on N=1000000 bad requests, SEED=1,"
	@echo "                 under the sanitizers"
	@echo "  make bench     measure; writes bench/results/latest.json"
	@echo "  make bench-check    a few rows; fails where one is 1.5 times worse than accepted"
	@echo "  make market    judge the prices in simulated markets; writes bench/results/market.json"
	@echo "                 (SEEDS=20 DAYS=14 SET=tune REGIMES=\"still sticky\"; small if CI is set)"
	@echo "  make soak-crash N=25 SEED=1"
	@echo "                 kill a real server N times, prove that nothing answered is lost or doubled"
	@echo "  make soak-machine N=1000 SEED=1"
	@echo "                 play N random stories of requests, crashes and full disks"
	@echo "  make soak-load CALLERS=500 SECONDS=60"
	@echo "                 callers of every manner: nothing lost, memory flat, all counted"
	@echo "  make soak-overload  more callers than the server takes: CALLERS=, SECONDS=, ROWS=, PAIRS="
	@echo "  make claims-truth   score the claims audit against simulated years, SEEDS=1008,1010-1028"
	@echo "  make bench-claims   measure it on a large ledger, ROWS=1000000, into the same file"
	@echo "  make annotate  show where the Cython code touches Python (HTML in build/cython)"
	@echo "  make clean     remove everything that these commands made"
	@echo ""
	@echo "Each command first brings .venv up to date; that takes a few minutes once, then seconds."
	@echo "Another interpreter: make demo PYTHON=python3.12. All Cython checks on: ENGINE_DEBUG=1."

demo: $(VENV)/built
	@$(BIN)/repriced demo
	@$(BIN)/python -m bench.fba.sample

test: $(VENV)/with-test
	@$(BIN)/python -m pytest

fuzz: TARGET ?= notifications journal snapshots config listings calls
fuzz: SECONDS ?= 60
fuzz: $(VENV)/with-fuzz
	@for target in $(TARGET); do $(BIN)/python -m tests.fuzz.run $$target --seed $(or $(SEED),1) \
	  $(if $(N),--runs $(N) --seconds 86400,--seconds $(SECONDS)) \
	  $(if $(KEEP),--keep $(KEEP)/$$target) || exit 1; done

fuzz-wire: sanitized
	@$(SANITIZED) $(CURDIR)/tests/engine/wire/wire_fuzz.py $(or $(N),1000000) $(or $(SEED),1)

bench: $(VENV)/with-bench
	@$(BIN)/python -m bench

bench-check: $(VENV)/with-bench
	@$(BIN)/python -m bench --check

soak-overload: CALLERS ?= 24
soak-overload: SECONDS ?= 10
soak-overload: ROWS ?= 10000
soak-overload: PAIRS ?= 3
soak-overload: $(VENV)/with-test
	@$(BIN)/python tests/soak/overload.py --callers $(CALLERS) --seconds $(SECONDS) \
	  --rows $(ROWS) --pairs $(PAIRS)

soak-load: CALLERS ?= 500
soak-load: SECONDS ?= 60
soak-load: $(VENV)/with-test
	@$(BIN)/python -m tests.soak.load --callers $(CALLERS) --seconds $(SECONDS)

soak-crash: N ?= 25
soak-crash: SEED ?= 1
soak-crash: $(VENV)/with-test
	@$(BIN)/python -m tests.soak.crash --kills $(N) --seed $(SEED)

soak-machine: N ?= 1000
soak-machine: SEED ?= 1
soak-machine: $(VENV)/with-test
	@$(BIN)/python -m tests.server.machine.machine --stories $(N) --seed $(SEED)

market: SEEDS ?= $(if $(CI),2,20)
market: DAYS ?= $(if $(CI),1,7)
market: SET ?= report
market: $(VENV)/with-bench
	@$(BIN)/python -m bench.market --seeds $(SEEDS) --days $(DAYS) --set $(SET) \
	  --regimes "$(REGIMES)"

claims-truth: $(VENV)/with-bench
	@$(BIN)/python -m bench.fba $(if $(SEEDS),--seeds $(SEEDS))

bench-claims: $(VENV)/with-bench
	@$(BIN)/python -m bench.fba.speed $(if $(ROWS),--rows $(ROWS))

check: $(VENV)/with-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/cython-lint engine proto server
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf lint
	$(BIN)/python -m pytest tests/tidy
	@if command -v promtool >/dev/null; then cd deploy/prometheus && \
	  promtool check rules rules.yml && promtool test rules rules_test.yml; \
	else echo "promtool is not in PATH: alert rules not checked"; fi

# In places of their own; leaks are not looked for, because the interpreter keeps memory on purpose.
SANITIZED = cd build/sanitize/lib && ASAN_OPTIONS=detect_leaks=0 \
  UBSAN_OPTIONS=print_stacktrace=1 REPRICED_TWIN_EVALUATIONS=20000 PYTHONPATH=$(CURDIR) \
  LD_PRELOAD="$(foreach name,asan stdc++,$(shell $(CC) -print-file-name=lib$(name).so))" \
  $(CURDIR)/$(BIN)/python
APART = -m pytest -p no:cacheprovider -c $(CURDIR)/pyproject.toml --rootdir $(CURDIR)

sanitized: $(VENV)/with-test
	@export ENGINE_SANITIZE=1 ENGINE_BUILD=build/sanitize && $(BUILD_APART)
	@$(SANITIZED) -c 'import pathlib, engine._kernel as kernel; \
	  assert b"__asan_init" in pathlib.Path(kernel.__file__).read_bytes(), kernel.__file__'

test-asan: sanitized
	@$(SANITIZED) $(APART) $(CURDIR)/tests/engine $(CURDIR)/tests/fuzz $(CURDIR)/tests/replay \
	  --ignore $(CURDIR)/tests/engine/claims

test-debug: $(VENV)/with-test
	@export ENGINE_DEBUG=1 ENGINE_BUILD=build/debug && $(BUILD_APART)
	@cd build/debug/lib && REPRICED_TWIN_EVALUATIONS=20000 PYTHONPATH=$(CURDIR) \
	  $(CURDIR)/$(BIN)/python $(APART) $(CURDIR)/tests/replay \
	  $(CURDIR)/tests/engine/test_kernel_twin.py

annotate: $(VENV)/built
	@ENGINE_ANNOTATE=1 $(BIN)/python setup.py -q build_ext --inplace
	@echo "Yellow lines are Python; pages:"
	@find build/cython -name '*.html'

clean:
	rm -rf $(VENV) build dist *.egg-info proto/repriced/v1/*_pb2*
	rm -rf engine/*.so server/amazon/*.so proto/repriced/*.so
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks

# The environment: created once, packages installed when their list changes.
$(VENV)/created:
	@$(PYTHON) tools/check_machine.py
	@echo "repriced: creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/tools: pyproject.toml constraints.txt | $(VENV)/created
	@echo "repriced: installing the build tools"
	@$(BIN)/python -c 'import tomllib; \
	  print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  > $(VENV)/build-requires.txt
	@$(PIP_INSTALL) -r $(VENV)/build-requires.txt
	@touch $@

$(VENV)/mode: always | $(VENV)/created
	@echo "ENGINE_DEBUG=$(ENGINE_DEBUG)" | cmp -s - $@ || echo "ENGINE_DEBUG=$(ENGINE_DEBUG)" > $@

# Installed in place: extensions are compiled and stubs generated inside this folder.
$(VENV)/built: $(VENV)/tools $(VENV)/mode setup.py $(SOURCES)
	@echo "repriced: installing packages, generating stubs, compiling the engine"
	@$(EDITABLE) .
	@touch $@

$(VENV)/with-%: $(VENV)/tools | $(VENV)/built
	@echo "repriced: installing the packages of the extra '$*'"
	@$(EDITABLE) '.[$*]'
	@touch $@
