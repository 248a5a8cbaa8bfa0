# make run            serve on http://localhost:8000 (HOST, PORT), with its own database
# make test           all checks
# make system-tools   Prometheus, Chromium, ffmpeg, nginx, Node.js and what else the tests use, by apt
# make players        real players on the stream, cold and warm; writes benchmarks/RESULTS.md
#                     (apt packages beside the system tools: firefox-esr mpv vlc wget)
# make bench-plays    recording plays: ways, one hot clip against 1,000, quick and slow commits
# make bench-scale    every page at a hundred and at ten million plays (some minutes, 5 GB of disk)
# make alerts-proof   each alert provoked for real (a quarter of an hour); writes RESULTS.md
# make dashboard-picture  draws the dashboard after some minutes of traffic; needs npm
# make screenshots   the pictures of the pages in docs/images
# make dashboards     the dashboards' JSON and the runbook's page, of their sources
# make bench-metrics  what measuring costs a request; how soon Prometheus is answered, after 200
#                     killed workers too (some minutes); writes benchmarks/RESULTS.md
# make requirements   compile the pinned requirements anew
# make samples        make the sample clips anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := chromium curl ffmpeg nginx-light openssl prometheus prometheus-alertmanager strace
NODE = $(if $(shell command -v npm),,nodejs npm) # unless some Node.js is there
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test players bench-plays bench-scale bench-metrics alerts-proof dashboard-picture \
  dashboards screenshots system-tools requirements samples clean

run: $(VENV)/local
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0
	@$(BIN)/python manage.py prepare --demo-editor --verbosity 0
	@exec $(BIN)/gunicorn --config clips_site/server/gunicorn_conf.py

test: $(VENV)/dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --python-version 3.11
	@$(BIN)/mypy --python-version 3.13
	@$(BIN)/lint-imports
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py spectacular --format openapi-json --validate --fail-on-warn --file /dev/null
	@$(BIN)/pytest

# Debian starts nginx, Prometheus and Alertmanager as services of their own; the tests need only the programs.
system-tools:
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(TOOLS) $(NODE)

players: $(VENV)/dev
	@$(BIN)/python -m benchmarks.players --write

bench-plays: $(VENV)/dev
	@$(BIN)/python -m benchmarks.plays

bench-scale: $(VENV)/dev
	@$(BIN)/python -m benchmarks.scale

alerts-proof: $(VENV)/dev
	@$(BIN)/python -m benchmarks.alerts --write

dashboard-picture: $(VENV)/dev
	@$(BIN)/python -m monitoring.grafana.picture

screenshots: $(VENV)/dev
	@$(BIN)/python -m docs.screenshots

dashboards: $(VENV)/dev
	@$(BIN)/python -m monitoring

bench-metrics: $(VENV)/dev
	@$(BIN)/python -m benchmarks.instrumentation --write
	@$(BIN)/python -m benchmarks.scrapes --write

requirements: $(VENV)/dev
	for set in base local dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
	    --no-header --generate-hashes requirements/$$set.in --output-file requirements/$$set.txt; \
	done

samples: $(VENV)/dev
	$(BIN)/python fixtures/make_samples.py

# What is installed is noted in a file, so that the next start does not ask pip again.
$(VENV)/local: requirements/local.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/local.txt
	@touch $@

$(VENV)/dev: requirements/dev.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.txt
	@touch $@ $(VENV)/local

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Clips Service needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) .local
