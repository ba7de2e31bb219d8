# The commands of README. Everything lives in .venv and DAGSTER_HOME; nothing else on the machine is touched.
PYTHON ?= python3
PORT ?= 3000
PAGE_PORT ?= 8765
Q ?= from sae_summary
export Q

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DAGSTER_HOME ?= .dagster
override DAGSTER_HOME := $(abspath $(DAGSTER_HOME))
export DAGSTER_HOME
INSTANCE := $(DAGSTER_HOME)/dagster.yaml

.DEFAULT_GOAL := help
.PHONY: help demo smollm2 sweep test dev serve sql check bench lock

help:
	@echo "make demo | smollm2 | sweep | test | dev | serve | sql | check | bench | lock: see README.md"

demo: $(READY) $(INSTANCE)
	HF_HUB_OFFLINE=1 $(BIN)/glasshouse run --model pystdlib

# A real instruct model: weights and text are fetched once, then nothing but this machine is asked.
smollm2: $(READY) $(INSTANCE)
	$(BIN)/python examples/smollm2/prepare.py data/smollm2
	HF_HUB_OFFLINE=1 GLASSHOUSE_REGISTRY=examples/smollm2 $(BIN)/glasshouse run --model smollm2-135m-instruct

sweep: $(READY) $(INSTANCE)
	HF_HUB_OFFLINE=1 GLASSHOUSE_REGISTRY=examples/architectures $(BIN)/glasshouse sweep

# A file's tests stay in one process, and share what they set up.
test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

# Started by a script in the background it would inherit ignored signals, and Dagster could then be stopped by SIGKILL only.
dev: $(READY) $(INSTANCE)
	$(BIN)/python -c "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])" \
		$(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p $(PORT)

serve: $(READY)
	$(BIN)/glasshouse serve --port $(PAGE_PORT)

sql: $(READY)
	@$(BIN)/glasshouse sql "$$Q"

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/lint-imports
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python

bench: $(READY)
	$(BIN)/python -m benchmarks

# What pip resolves today in an environment of its own, as names and versions: no hosts, no build tags.
lock:
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check -e '.[dev]'
	.venv-lock/bin/pip freeze --exclude-editable | sed -E 's/\+[a-z0-9.]+$$//' > requirements.lock
	rm -rf .venv-lock

# The stamp is newer than what it was made from, or the environment is made whole again.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"$(PYTHON) is Python {v[0]}.{v[1]}, wanted 3.11 or newer: make PYTHON=python3.12 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(INSTANCE): dagster.yaml
	@mkdir -p $(@D)
	cp $< $@
