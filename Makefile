# `make help` lists the targets. Everything lives in .venv and DAGSTER_HOME; nothing else on the machine is touched.
PYTHON ?= python3
PORT ?= 3000
PAGE_PORT ?= 8765
Q ?= from sae_summary
export Q

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools
DAGSTER_HOME ?= .dagster
override DAGSTER_HOME := $(abspath $(DAGSTER_HOME))
export DAGSTER_HOME
INSTANCE := $(DAGSTER_HOME)/dagster.yaml

.DEFAULT_GOAL := help
.PHONY: help demo smollm2 experiments sweep test dev serve sql check bench lock

help:  ## list the targets
	@sed -n 's/^\([a-z0-9]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: $(READY) $(INSTANCE)  ## install, then run the whole pipeline on the bundled model, offline
	HF_HUB_OFFLINE=1 $(BIN)/glasshouse run --model pystdlib

smollm2: $(READY) $(INSTANCE)  ## run the pipeline on SmolLM2-135M-Instruct; downloads weights and text once
	$(BIN)/python examples/smollm2/prepare.py data/smollm2
	HF_HUB_OFFLINE=1 GLASSHOUSE_REGISTRY=examples/smollm2 $(BIN)/glasshouse run --model smollm2-135m-instruct

experiments: demo  ## run the demo, then every experiment card of the registry
	HF_HUB_OFFLINE=1 $(BIN)/glasshouse experiment --model pystdlib

sweep: $(READY) $(INSTANCE)  ## train every architecture at one L0 on the bundled model
	HF_HUB_OFFLINE=1 GLASSHOUSE_REGISTRY=examples/architectures $(BIN)/glasshouse sweep

# A file's tests stay in one process, and share what they set up. Files go in the order of their names: those with few
# tests, the chains among them, would come last else, and one process would wait for the other.
test: $(TOOLS)  ## install, then run the tests in two processes
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=10 --durations-min=5

dev: $(READY) $(INSTANCE)  ## start Dagster on http://127.0.0.1:3000 (PORT=…)
	$(BIN)/python -m pipelines.cli.watched_dagster -w workspace.yaml -h 127.0.0.1 -p $(PORT)

serve: $(READY)  ## serve the feature pages on http://127.0.0.1:8765 (PAGE_PORT=…)
	$(BIN)/glasshouse serve --port $(PAGE_PORT)

sql: $(READY)  ## query the published warehouse: make sql Q="from sae_summary"
	@$(BIN)/glasshouse sql "$$Q"

check: $(TOOLS)  ## run ruff, the import contracts and pyright
	$(BIN)/ruff check
	$(BIN)/lint-imports
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python

bench: $(TOOLS)  ## measure speed
	$(BIN)/python -m benchmarks

# What pip resolves today in an environment of its own, as names and versions: no hosts, no build tags. The first file is
# what runs, the second what tests, checks and measures it besides.
lock:  ## rewrite requirements.lock and requirements-dev.lock from what pip resolves today
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check -e '.[hf,mcp]' 'hatchling>=1.33'
	.venv-lock/bin/pip freeze --exclude-editable | sed -E 's/\+[a-z0-9.]+$$//' > requirements.lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	.venv-lock/bin/pip freeze --exclude-editable | sed -E 's/\+[a-z0-9.]+$$//' | grep -vxFf requirements.lock > requirements-dev.lock
	rm -rf .venv-lock

# The stamp is newer than what it was made from, or the environment is made whole again. pip would compile what it installs in
# one process; some packages hold files of other Pythons, which do not compile.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"$(PYTHON) is Python {v[0]}.{v[1]}, wanted 3.11 or newer: make PYTHON=python3.12 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(TOOLS): requirements-dev.lock $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@touch $@

$(INSTANCE): dagster.yaml
	@mkdir -p $(@D)
	cp $< $@
