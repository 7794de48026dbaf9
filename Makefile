# `make demo` and `make test` do everything on a machine with Python 3.11 or newer and make.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check
UPGRADE ?= --upgrade
LOCALE := src/neigung/language/locale

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench notebooks docs messages lock clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 11

setup: $(READY) ## install everything into .venv

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, found $$($(PYTHON) --version). Name one: make PYTHON=python3.11 …"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 14))' || \
		echo "Note: tried with Python 3.11 to 3.13, found $$($(PYTHON) --version)."
	@echo "Installing into .venv (once, one to two minutes) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; exit 2; }
	@# The lock is complete: pip would look up what is newer than it, and refuse that. What comes as
	@# source is built with the setuptools of the lock: pip would fetch the newest.
	@sed -n '/^setuptools==/,/# via/p' requirements.lock > .venv/build.lock
	@$(PIP) install --no-deps --require-hashes --requirement .venv/build.lock
	@$(PIP) install --no-deps --require-hashes --no-build-isolation --use-pep517 --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(PIP) check
	@touch $(READY)
	@echo "Ready. Next: make demo, or: source .venv/bin/activate; neigung --help"

demo: setup ## train, explain and score purchase and churn on real data
	@$(BIN)/neigung demo

test: setup ## style, types, import rules, then the tests but the slow ones; SLOW=1 runs these alone
ifndef SLOW
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
endif
	$(BIN)/pytest -m "$(if $(SLOW),slow,not slow)"

bench: setup ## run the benchmarks; SIZE=0.01 is a quick look, ONLY="start" some, ALL=1 those of hours, too
	$(BIN)/python benchmarks/bench.py --size $(or $(SIZE),1) $(if $(ALL),--all) $(if $(ONLY),--only $(ONLY))

notebooks: setup ## run the notebooks anew and store their output
	$(BIN)/python -m tests.test_notebooks

docs: setup ## bring the generated parts of docs/ up to date, and build them as a site
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build -q -W -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

messages: setup ## bring the catalogues of languages up to the code; LANGUAGE=fr begins one
	@mkdir -p .neigung
	$(BIN)/pybabel -q extract -o .neigung/messages.pot
	@for po in $(LOCALE)/*.po; do \
		$(BIN)/pybabel -q update -i .neigung/messages.pot -o $$po -l $$(basename $$po .po) || exit 1; done
	$(if $(LANGUAGE),$(BIN)/pybabel -q init -i .neigung/messages.pot -o $(LOCALE)/$(LANGUAGE).po -l $(LANGUAGE))

lock: ## resolve the dependencies anew into requirements.lock; UPGRADE= only adds what is missing
	@# The fewest versions: every Python and every system gets the same where there is one for all.
	PATH="$(BIN):$$PATH" uv pip compile pyproject.toml --extra demo --extra postgres --extra spark --group dev --universal --python-version 3.11 \
		--fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links --no-header $(UPGRADE) \
		--output-file requirements.lock

clean: ## remove .venv and what the demo and trainings made, models included; your tables, keys and log stay
	rm -rf .venv .bench docs/_build .neigung/tuning data/complete_journey reports scores snapshots mlruns mlflow.db
