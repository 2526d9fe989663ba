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
.PHONY: help demo test check bench bench-claims claims-truth annotate clean always

help:
	@echo "repriced: offers in, safe prices out"
	@echo ""
	@echo "  make demo      start a server, play a marketplace against it, show what happens"
	@echo "  make test      run the tests"
	@echo "  make check     lint: style, types, import direction, schema, alert rules"
	@echo "  make bench     measure; writes bench/results/latest.json"
	@echo "  make claims-truth   score the claims audit against simulated years, SEEDS=1001-1020"
	@echo "  make bench-claims   measure it on a large ledger, ROWS=1000000, into the same file"
	@echo "  make annotate  show where the Cython code touches Python (HTML in build/cython)"
	@echo "  make clean     remove everything that these commands made"
	@echo ""
	@echo "Each command first brings .venv up to date; that takes a few minutes once, then seconds."
	@echo "Another interpreter: make demo PYTHON=python3.12. All Cython checks on: ENGINE_DEBUG=1."

demo: $(VENV)/built
	@$(BIN)/repriced demo

test: $(VENV)/with-test
	@$(BIN)/python -m pytest

bench: $(VENV)/with-bench
	@$(BIN)/python -m bench

claims-truth: $(VENV)/with-bench
	@$(BIN)/python -m bench.claims $(if $(SEEDS),--seeds $(SEEDS))

bench-claims: $(VENV)/with-bench
	@$(BIN)/python -m bench.claims.speed $(if $(ROWS),--rows $(ROWS))

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
