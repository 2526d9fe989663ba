# Everything starts here: `make` lists the commands. Nothing outside this folder is changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check install -q -c constraints.txt
EDITABLE := $(PIP_INSTALL) --no-build-isolation --editable
SOURCES := $(wildcard proto/repriced/v1/*.proto engine/*.pyx engine/*.pxd)

# cython-lint looks for its helper in PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test check sanitize fuzz bench bench-claims claims-truth market
.PHONY: soak-crash soak-overload annotate clean always

help:
	@echo "repriced: offers in, safe prices out"
	@echo ""
	@echo "  make demo      start a server, play a marketplace against it; audit a sample FBA year"
	@echo "  make test      run the tests"
	@echo "  make check     lint: style, types, import direction, schema, alert rules"
	@echo "  make sanitize  run the tests of the engine under the address and overflow sanitizers"
	@echo "  make fuzz      compare the wire codec with the parser on N=1000000 bad requests, SEED=1"
	@echo "  make bench     measure; writes bench/results/latest.json"
	@echo "  make market    judge the prices in simulated markets; writes bench/results/market.json"
	@echo "                 (SEEDS=20 DAYS=14 SET=tune REGIMES=\"still sticky\"; small if CI is set)"
	@echo "  make soak-crash N=25 SEED=1"
	@echo "                 kill a real server N times, prove that nothing answered is lost or doubled"
	@echo "  make soak-overload  more callers than the server takes: CALLERS=, SECONDS=, ROWS=, PAIRS="
	@echo "  make claims-truth   score the claims audit against simulated years, SEEDS=1008-1027"
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

fuzz: $(VENV)/with-test
	@$(BIN)/python tests/engine/wire/wire_fuzz.py $(or $(N),1000000) $(or $(SEED),1)

bench: $(VENV)/with-bench
	@$(BIN)/python -m bench

soak-overload: CALLERS ?= 24
soak-overload: SECONDS ?= 10
soak-overload: ROWS ?= 10000
soak-overload: PAIRS ?= 3
soak-overload: $(VENV)/with-test
	@$(BIN)/python tests/soak/overload.py --callers $(CALLERS) --seconds $(SECONDS) \
	  --rows $(ROWS) --pairs $(PAIRS)

soak-crash: N ?= 25
soak-crash: SEED ?= 1
soak-crash: $(VENV)/with-test
	@$(BIN)/python -m tests.soak.crash --kills $(N) --seed $(SEED)

market: SEEDS ?= $(if $(CI),2,20)
market: DAYS ?= $(if $(CI),1,14)
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
	$(BIN)/cython-lint engine
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf lint
	$(BIN)/python -m pytest tests/tidy
	@if command -v promtool >/dev/null; then cd deploy/prometheus && \
	  promtool check rules rules.yml && promtool test rules rules_test.yml; \
	else echo "promtool is not in PATH: alert rules not checked"; fi

# In a place of its own; leaks are not looked for, because the interpreter keeps memory on purpose.
sanitize: $(VENV)/with-test
	@ENGINE_SANITIZE=1 $(BIN)/python setup.py -q build --build-base build/sanitize \
	  --build-lib build/sanitize/lib
	@cd build/sanitize/lib && export ASAN_OPTIONS=detect_leaks=0 \
	  UBSAN_OPTIONS=print_stacktrace=1 REPRICED_TWIN_EVALUATIONS=20000 \
	  LD_PRELOAD="$(foreach name,asan stdc++,$(shell $(CC) -print-file-name=lib$(name).so))" && \
	  $(CURDIR)/$(BIN)/python -c 'import pathlib, engine._kernel as kernel; \
	  assert b"__asan_init" in pathlib.Path(kernel.__file__).read_bytes(), kernel.__file__' && \
	  $(CURDIR)/$(BIN)/python -m pytest -p no:cacheprovider -c $(CURDIR)/pyproject.toml \
	  --rootdir $(CURDIR) $(CURDIR)/tests/engine --ignore $(CURDIR)/tests/engine/claims

annotate: $(VENV)/built
	@ENGINE_ANNOTATE=1 $(BIN)/python setup.py -q build_ext --inplace
	@echo "Yellow lines are Python; pages:"
	@find build/cython -name '*.html'

clean:
	rm -rf $(VENV) build dist *.egg-info engine/*.so proto/repriced/v1/*_pb2*
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
