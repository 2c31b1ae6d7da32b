# `make help` lists what can be made.
PYTHON ?= python3
VENV := .venv
DONE := $(VENV)/requirements.done
SLURM := $(VENV)/slurm
# For every platform. What a lock has and still fits stays; where it was removed, all is the newest.
LOCK := pip compile --quiet --universal --python-version 3.11 --no-annotate --strip-extras \
	--custom-compile-command "make lock"
SITE := import sysconfig; print(sysconfig.get_path("purelib"))
# Modules are run by the interpreter, since the first line of a script does not take every path;
# -P: what lies in this folder is not imported.
RUN := $(VENV)/bin/python -P -m
STUDY := PYTHONPATH=src $(RUN) minibatch.progress --cores 4
PIP := -m pip install --quiet --disable-pip-version-check

# Of the caller's settings, those with which another folder than $(VENV) would be filled, or none,
# and a backend for figures that is only in a notebook.
unexport PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER PIP_PYTHON PIP_DRY_RUN
unexport PIP_NO_DEPS PIP_REQUIRE_VIRTUALENV MPLBACKEND

# Snakemake and pip do not start for a user who has no home at all.
export HOME ?= $(CURDIR)/.snakemake/home

# The environment names the folder that it was made in. It is made anew where that was moved or
# copied, or where the Python that it was made with is gone.
STALE := $(shell [ ! -e $(DONE) ] || [ "$$(cat $(DONE))" = "$$(cd $(VENV) && pwd -P)" ] \
	&& $(VENV)/bin/python -c "" 2>/dev/null || echo stale)

.PHONY: all trial answer test test-quick test-slurm bench lint lock compare clean help stale

all: $(DONE) ## the environment, the whole study, and where its report is
	@$(STUDY)
	@echo "The report: $$PWD/results/report.html"

trial: $(DONE) ## a first figure, of PyTorch alone; what it measures is not measured again by make
	@$(STUDY) --config 'frameworks=[pytorch]' -- results/figures/loss_by_time.png
	@echo "The figure: $$PWD/results/figures/loss_by_time.png"

test: lint ## lint and all tests
	@$(RUN) pytest -n 2 -m "not timing"
	@$(RUN) pytest -m timing

test-quick: lint ## lint, and the tests without Snakemake and the other frameworks
	@$(RUN) pytest -n 2 -m "not timing" --ignore tests/workflow

test-slurm: $(SLURM)/requirements.done ## the study on a real SLURM, which it installs, starts and stops: Debian, as root
	@$(SLURM)/bin/python -P -m pytest tests/slurm

bench: $(DONE) ## the project's own ratios, such as a job's overhead, each with its bound; fails beyond
	@PYTHONPATH=src:tests:tests/workflow $(RUN) bench

lint: $(DONE) ## ruff and snakefmt
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) snakefmt --check --line-length 100 Snakefile workflow

compare: $(DONE) ## results of several machines side by side: make compare A=results B=../node/results
	@PYTHONPATH=src $(RUN) minibatch.compare --output comparison \
		$${A:+"$$A"} $${B:+"$$B"} $${C:+"$$C"} $${D:+"$$D"}

answer: $(DONE) ## the same for your own table or model: DATA=my.csv TARGET=column [DROP=a,b], or MODEL=my.py [BUDGET=minutes]
	@PYTHONPATH=src $(RUN) minibatch.answer $${DATA:+--data="$$DATA"} $${TARGET:+--target="$$TARGET"} \
		$${DROP:+--drop="$$DROP"} $${MODEL:+--model="$$MODEL"} $${BUDGET:+--budget="$$BUDGET"} \
		$${NAME:+--name="$$NAME"}

lock: | $(VENV)/bin/uv ## after a change of a pin: anew the versions of all that the pins bring along
	@$(VENV)/bin/uv $(LOCK) requirements.txt requirements-slurm.txt -o requirements.lock
	@uv=$$(realpath $(VENV)/bin/uv) && cd workflow/envs && for pins in *.txt; do \
		[ $$pins = main.txt ] || "$$uv" $(LOCK) --only-binary :all: $$pins -o $${pins%.txt}.lock || exit; \
	done

# Of folders that are links to another disk, the content goes and the link stays.
clean: ## removes what was measured, and the frameworks' environments; the main one stays
	@for folder in results .envs .snakemake; do [ ! -d $$folder ] || \
		find $$folder/ -mindepth 1 ! -path results/README.md -delete || exit; done

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' Makefile

# For a lock before there is an environment.
$(VENV)/bin/uv:
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python $(PIP) $$(grep -o '^uv==[^ ]*' requirements.txt)

$(DONE): requirements.txt requirements.lock workflow/envs/main.txt $(STALE)
	@$(PYTHON) -c "import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else 'error: minibatch needs Python 3.11 to 3.13; name one: make PYTHON=python3.11')"
	$(PYTHON) -m venv $(if $(STALE),--clear) $(VENV)
	$(VENV)/bin/python $(PIP) -r requirements.txt -c requirements.lock
	@$(RUN) snakemake --version >/dev/null 2>&1 || { echo "error: pip has filled another folder than \
	$(VENV): see which of its settings does that, with $(VENV)/bin/python -m pip config list"; exit 1; }
	@cd $(VENV) && pwd -P >$(@F)

# The plugin slows down every other use, so it has an environment of its own on top of the main one.
$(SLURM)/requirements.done: $(DONE) requirements-slurm.txt
	$(VENV)/bin/python -m venv $(SLURM)
	$(VENV)/bin/python -c '$(SITE)' >"$$($(SLURM)/bin/python -c '$(SITE)')/main.pth"
	$(SLURM)/bin/python $(PIP) -r requirements-slurm.txt -c requirements.lock
	@touch $@
