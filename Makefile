# make        the environment, the whole study, and where its report is
# make test   the environment, lint, and all tests
# make test-quick   those without Snakemake and the other frameworks
# make compare A=results B=../node/results   results of several machines side by side: comparison/
# make lock   after a change of a pin: anew the versions of all that the pins bring along
# make test-slurm   the study on a real SLURM, which it installs, starts and stops: Debian, as root
PYTHON ?= python3
VENV := .venv
DONE := $(VENV)/requirements.done
SLURM := $(VENV)/slurm
# For every platform. What a lock has and still fits stays; where it was removed, all is the newest.
LOCK := pip compile --quiet --universal --python-version 3.11 --no-annotate --strip-extras \
	--custom-compile-command "make lock"
SITE := import sysconfig; print(sysconfig.get_path("purelib"))

.PHONY: all test test-quick test-slurm lint lock compare clean

all: $(DONE)
	@$(VENV)/bin/snakemake --cores 4
	@echo "The report: $(CURDIR)/results/report.html"

test: lint
	@$(VENV)/bin/pytest -n 2 -m "not timing"
	@$(VENV)/bin/pytest -m timing

test-quick: lint
	@$(VENV)/bin/pytest -n 2 -m "not timing" --ignore tests/workflow

test-slurm: $(SLURM)/requirements.done
	@$(SLURM)/bin/python -m pytest tests/slurm

lint: $(DONE)
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/snakefmt --check --line-length 100 Snakefile workflow

compare: $(DONE)
	@PYTHONPATH=src $(VENV)/bin/python -m minibatch.compare --output comparison \
		$(foreach name,A B C D,$(if $($(name)),"$($(name))"))

lock: | $(VENV)/bin/uv
	@$(VENV)/bin/uv $(LOCK) requirements.txt requirements-slurm.txt -o requirements.lock
	@uv=$$(realpath $(VENV)/bin/uv) && cd workflow/envs && for pins in *.txt; do \
		[ $$pins = main.txt ] || "$$uv" $(LOCK) --only-binary :all: $$pins -o $${pins%.txt}.lock || exit; \
	done

# For a lock before there is an environment.
$(VENV)/bin/uv:
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check $$(grep -o '^uv==[^ ]*' requirements.txt)

# Removes what was measured, and the frameworks' environments; the main one stays.
clean:
	rm -rf .snakemake .envs
	find results -mindepth 1 ! -name README.md -delete

$(DONE): requirements.txt requirements.lock workflow/envs/main.txt
	@$(PYTHON) -c "import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else 'error: minibatch needs Python 3.11 to 3.13; name one: make PYTHON=python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt -c requirements.lock
	@touch $@

# The plugin slows down every other use, so it has an environment of its own on top of the main one.
$(SLURM)/requirements.done: $(DONE) requirements-slurm.txt
	$(VENV)/bin/python -m venv $(SLURM)
	$(VENV)/bin/python -c '$(SITE)' >"$$($(SLURM)/bin/python -c '$(SITE)')/main.pth"
	$(SLURM)/bin/pip install --quiet --disable-pip-version-check -r requirements-slurm.txt -c requirements.lock
	@touch $@
