PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := chromium curl ffmpeg nginx-light openssl pgbouncer prometheus prometheus-alertmanager strace wrk
NODE = $(if $(shell command -v npm),,nodejs npm) # unless Node.js is installed already
BIOME := .local/javascript/node_modules/.bin/biome
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help

.PHONY: help run install check unit test proofs players bench bench-pages bench-plays bench-scale bench-metrics \
  alerts-proof dashboards screenshots system-tools requirements samples clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/local ## Serve on http://localhost:8000 (HOST, PORT) with an embedded PostgreSQL
	@exec $(BIN)/gunicorn --config clips_site/server/gunicorn_local_conf.py

install: $(VENV)/local ## Install the packages of the service into .venv

check: $(VENV)/dev ## Check lint, types, imports, migrations and the OpenAPI description
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --python-version 3.11
	@$(BIN)/lint-imports
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py spectacular --format openapi-json --validate --fail-on-warn --file /dev/null
	@$(MAKE) --no-print-directory lint-js

unit: $(VENV)/dev ## Run the unit tests, which need no database and no browser
	@$(BIN)/pytest -m unit

test: check ## Run every check and every test; the ten slowest are listed at the end
	@$(BIN)/mypy --python-version 3.13
	@$(BIN)/pytest --durations 10

proofs: $(VENV)/dev ## Run the tests that take long: killed processes, a frozen database, a pooler (5 minutes)
	@$(BIN)/pytest -m proof --durations 10

# Bytecode halves the start-up time of these, so write it even if the environment disables it.
check unit test proofs: export PYTHONDONTWRITEBYTECODE :=

.PHONY: lint-js
lint-js: ## Check the JavaScript with Biome; needs npm, and is skipped without it
ifeq ($(shell command -v npm),)
	@echo "JavaScript was not checked: it needs Node.js and npm (make system-tools)"
else
lint-js: $(BIOME)
	@$(BIOME) ci --error-on-warnings
endif

$(BIOME): requirements/javascript/package-lock.json
	@mkdir -p .local/javascript
	@cp requirements/javascript/package*.json .local/javascript
	@npm ci --prefix .local/javascript --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Debian also starts nginx, Prometheus and Alertmanager as services; the tests need only the programs.
system-tools: ## Install the programs the tests use (Chromium, ffmpeg, nginx, Prometheus…) with apt, as root
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(TOOLS) $(NODE)

players: $(VENV)/dev ## Play streams with real players and browsers; writes benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks.players --write

bench: $(VENV)/dev .local/peers/installed ## Compare every call with FastAPI peers (15 minutes); writes RESULTS.md
	@$(BIN)/python -m benchmarks.speed --write

.local/peers/installed: benchmarks/peers/requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m venv .local/peers
	.local/peers/bin/pip install --quiet --require-hashes --requirement benchmarks/peers/requirements.txt
	@touch $@

bench-plays: $(VENV)/dev ## Measure how fast plays are recorded
	@$(BIN)/python -m benchmarks.plays

bench-pages: $(VENV)/dev ## Measure the public pages: weight, slow network, many clips, load (3 minutes); writes RESULTS.md
	@$(BIN)/python -m benchmarks.pages --write

bench-scale: $(VENV)/dev ## Compare every page at a hundred and at ten million plays (minutes, 5 GB of disk)
	@$(BIN)/python -m benchmarks.scale

alerts-proof: $(VENV)/dev ## Provoke each alert with a real Prometheus and Alertmanager (15 minutes); writes RESULTS.md
	@$(BIN)/python -m benchmarks.alerts --write

screenshots: $(VENV)/dev ## Take the pictures in docs/images
	@$(BIN)/python -m docs.screenshots

dashboards: $(VENV)/dev ## Generate the dashboards and the runbook page from their sources
	@$(BIN)/python -m monitoring

bench-metrics: $(VENV)/dev ## Measure the cost of metrics and the time a scrape takes; writes RESULTS.md
	@$(BIN)/python -m benchmarks.scrapes --write
	@$(BIN)/python -m benchmarks.instrumentation --write

requirements: $(VENV)/dev ## Compile requirements/*.in to pinned requirements/*.txt
	for set in requirements/base requirements/local requirements/dev benchmarks/peers/requirements; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
	    --no-header --generate-hashes $$set.in --output-file $$set.txt; \
	done

samples: $(VENV)/dev ## Synthesise the sample clips
	$(BIN)/python fixtures/make_samples.py

# These files record what is installed, so that the next start need not run pip.
$(VENV)/local: requirements/local.txt | $(VENV)/bin/python
	@$(BIN)/python requirements/install.py requirements/local.txt
	@touch $@

$(VENV)/dev: requirements/dev.txt | $(VENV)/bin/python
	@$(BIN)/python requirements/install.py requirements/dev.txt
	@touch $@ $(VENV)/local

$(VENV)/bin/python:
	@command -v $(PYTHON) > /dev/null || { echo "Clips Service needs Python 3.11 or newer as $(PYTHON);" \
	  "set PYTHON to use another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Clips Service needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0])'
	@echo "Creating the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "On Debian and Ubuntu, install the module first: apt install python3-venv" >&2; exit 1; }

clean: ## Delete the virtual environment and all local data
	@for file in .local/running-*; do \
	  if [ -e "$$file" ] && read pid url < "$$file" && kill -0 "$$pid" 2> /dev/null; then \
	    echo "Clips Service is running at $$url/ (process $$pid). Stop it first." >&2; exit 1; fi; done
	rm -rf $(VENV) .local
