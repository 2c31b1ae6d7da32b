# make        the environment, the whole study, and where its report is
# make test   the environment, lint, and all tests
PYTHON ?= python3
VENV := .venv
DONE := $(VENV)/requirements.done

.PHONY: all test lint clean

all: $(DONE)
	@$(VENV)/bin/snakemake --cores 4
	@echo "The report: $(CURDIR)/results/report.html"

test: lint
	@$(VENV)/bin/pytest

lint: $(DONE)
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/snakefmt --check --line-length 100 Snakefile workflow

# Removes what was measured, and the frameworks' environments; the main one stays.
clean:
	rm -rf .snakemake .envs
	find results -mindepth 1 ! -name README.md -delete

$(DONE): requirements.txt
	@$(PYTHON) -c "import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else 'error: minibatch needs Python 3.11 to 3.13; name one: make PYTHON=python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@
