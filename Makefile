# Long Short-Term Memory: build, check and read the book. `make help` lists the targets.
#
# Nothing runs twice when nothing changed: each step leaves a stamp that depends on what the
# step reads. The stamp of a check holds the seconds that it took.

ifeq ($(filter oneshell,$(.FEATURES)),)
$(error This is GNU make $(MAKE_VERSION); version 4 or newer is needed. On macOS: \
	brew install make, then gmake instead of make. README.md has the commands without make)
endif

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
NB ?=
UPGRADE ?=

VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
SETUP := $(VENV)/installed
SETUP_DEV := $(VENV)/installed-dev
HTML := _build/complete

SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# One thread and one hash seed: an output must not depend on the number of cores.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export PYTHONHASHSEED := 0

# What git tracks or would track, so that no list of files is kept by hand; find is for a copy
# that came without git.
tracked = $(wildcard $(shell git ls-files -co --exclude-standard -- $(1) 2>/dev/null \
	|| find $(1) -type f -not -path '*/.*' -not -path '*/__pycache__/*'))

PACKAGE := $(call tracked,lstm_tutorial)
BOOK := $(call tracked,book)
NOTEBOOKS := $(filter %.ipynb,$(BOOK)) $(wildcard *.ipynb)
TOOLS := $(call tracked,tools)
TESTS := $(call tracked,tests)
SITE := index.md $(BOOK) tools/measure.py $(call tracked,_ext _static) _config.yml _toc.yml
REPOSITORY := Makefile CITATION.cff .pre-commit-config.yaml $(wildcard *.md requirements*.txt locks/*) pyproject.toml $(call tracked,.github binder)
PAGE_TESTS := $(filter tests/book/pages/%.py tests/book/contents.py,$(TESTS))
BOOK_TESTS := $(filter-out $(PAGE_TESTS),$(filter tests/book/%.py,$(TESTS)))
PACKAGE_TESTS := $(filter-out tests/book/%,$(filter %.py,$(TESTS)))

CHECKS := $(addprefix .make/,lint package book notebooks portable html pages)
NBVAL := pytest --nbval --nbval-current-env --nbval-cell-timeout 120 -n 2 --dist loadfile -q

# Around the commands of a check: its name, and its seconds into the stamp when all went well.
begin = @mkdir -p $(@D); printf '\n== %s\n' '$(@F)'; start=$$SECONDS
end = echo $$((SECONDS - start)) > $@

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' Makefile
	echo
	echo "PORT=8001 for book and lab, NB=book/….ipynb for notebooks, PYTHON=python3.12 for the set-up."

## Reading

.PHONY: book
book: html ## set up, build the book and serve it on http://127.0.0.1:8000 (PORT=)
	@python tools/serve.py _build/html $(PORT)

.PHONY: html
html: $(HTML) ## build the book into _build/html, warnings are errors
	@echo "The book is at _build/html/index.html"

.PHONY: lab
lab: $(SETUP) ## open the chapters in JupyterLab
	@jupyter trust $(NOTEBOOKS) # or else it hides the drawings until their cells have run
	jupyter lab --port $(PORT) --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/book \
		$(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: setup setup-dev
setup: $(SETUP) ## make .venv and install into it what it takes to read and run
setup-dev: $(SETUP_DEV) ## the same, and what it takes to check

# Not with the Python of a .venv that an interrupted set-up may have left half made.
$(SETUP) $(SETUP_DEV): export PATH := $(SYSTEM_PATH)
# In three steps, because hashes for one package mean hashes for all: what the lock holds, and no
# more; PyTorch, whose wheel and the CUDA libraries that come with it differ from index to index;
# this package, which has no hash.
$(SETUP): locks/requirements.txt locks/constraints.txt pyproject.toml tools/cpu_index.py
	@if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
		echo "$(PYTHON) is missing or older than Python 3.11. Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2
		exit 1
	fi
	if ! $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null; then
		echo "$(PYTHON) cannot make virtual environments. On Debian: apt-get install python3-venv" >&2
		exit 1
	fi
	echo "Installing into $(VENV): about 2 GB, a few minutes."
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --no-deps --require-hashes -r locks/requirements.txt
	$(PIP) install -c locks/constraints.txt $$($(PYTHON) tools/cpu_index.py) torch
	$(PIP) install --no-deps --no-build-isolation -e .
	$(PIP) check
	touch $@

$(SETUP_DEV): $(SETUP) locks/requirements-dev.txt
	@$(PIP) install --no-deps --require-hashes -r locks/requirements-dev.txt
	$(PIP) check
	touch $@

$(HTML): $(SETUP) $(SITE) $(filter %.py %/char_lm.npz,$(PACKAGE))
	@# A build over an older one keeps stale navigation and removed pages.
	rm -rf _build
	start=$$SECONDS
	jupyter-book build . -q -W -n --keep-going
	echo $$((SECONDS - start)) > $@

## Checking

.PHONY: test
test: $(CHECKS) ## run every check that the changed files call for
	@if [ -s .make/test ] && [ -z "$$(find $(CHECKS) -newer .make/test)" ]; then
		echo "Every check passed on these files before; nothing has changed since."
	else
		printf '\nEvery check passed. Seconds each took when it last ran:\n'
		for check in $(CHECKS); do printf '  %-10s %4d\n' "$${check#.make/}" "$$(cat "$$check")"; done | tee .make/test
	fi

.PHONY: lint test-package test-book test-notebooks test-portable test-pages
lint: .make/lint ## ruff and mypy
test-package: .make/package ## the package's tests
test-book: .make/book ## the rules that notebooks and pages keep, without a browser
test-notebooks: .make/notebooks ## run the changed notebooks, compare every output
test-portable: .make/portable ## the same as on other processors, and under rounding noise
test-pages: .make/pages ## open every changed page in Chromium

.make/lint: $(SETUP_DEV) $(filter %.py %.ipynb,$(PACKAGE) $(BOOK) $(TOOLS) $(TESTS) $(call tracked,_ext benchmarks)) pyproject.toml
	$(begin)
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	$(end)

.make/package: $(SETUP_DEV) $(PACKAGE) $(PACKAGE_TESTS) pyproject.toml
	$(begin)
	pytest -q -n 2 --doctest-modules lstm_tutorial tests --ignore=tests/book
	python -m lstm_tutorial.experiments --state
	$(end)

.make/book: $(SETUP_DEV) $(BOOK_TESTS) $(SITE) $(PACKAGE) $(TOOLS) $(REPOSITORY)
	$(begin)
	pytest -q tests/book --ignore=tests/book/pages
	$(end)

# The notebooks that are newer than the last run; all of them when something they import is.
changed = $(if $(filter-out %.ipynb,$?),$(NOTEBOOKS),$(filter %.ipynb,$?))

.make/notebooks: $(SETUP_DEV) $(PACKAGE) $(NOTEBOOKS) book/conftest.py
	$(begin)
	$(NBVAL) $(changed)
	$(end)

.make/portable: $(SETUP_DEV) $(PACKAGE) $(NOTEBOOKS) book/conftest.py tools/portable.py tools/noise.py
	$(begin)
	python tools/portable.py $(NBVAL) -n 0 $(changed)
	$(end)

.PHONY: test-portable-all
test-portable-all: $(SETUP_DEV) ## every notebook with all kernels that this processor can run
	@python tools/portable.py --all $(NBVAL) -n 0 $(NOTEBOOKS)

.make/html: $(HTML)
	@mkdir -p .make
	cp $(HTML) $@

# What passed on the same page before is left out; WHOLE_PAGES=1 checks all, and takes no shortcut.
.make/pages: $(SETUP_DEV) $(HTML) $(PAGE_TESTS) tools/serve.py
	$(begin)
	pytest -q -n 2 --dist loadgroup tests/book/pages
	$(end)

.PHONY: test-pages-all
test-pages-all: $(SETUP_DEV) $(HTML) ## open every page in Chromium, light and dark, wide and narrow
	@WHOLE_PAGES=1 pytest -q -n 2 --dist loadgroup tests/book/pages

# Weekly: what no change calls for, or takes too long for every change.
.PHONY: test-all check-experiments links
test-all: test test-portable-all test-pages-all ## every check on everything

check-experiments: $(SETUP) ## run samples of all long experiments, compare them with what is stored
	@python -m lstm_tutorial.experiments --check

links: $(SETUP) ## ask for every address that the book links to
	@jupyter-book build . -q --builder linkcheck --path-output .make/links

## Writing

.PHONY: notebooks
notebooks: $(if $(NB),$(NB:%=.make/run/%),$(NOTEBOOKS:%=.make/run/%)) ## run the changed notebooks and store their outputs (NB= for one)

.make/run/%.ipynb: %.ipynb $(SETUP) $(filter %.py,$(PACKAGE)) tools/run_notebooks.py
	@mkdir -p $(@D)
	python tools/run_notebooks.py $<
	touch $@

.PHONY: bench
bench: $(SETUP) ## time the package against PyTorch
	@python benchmarks/bench_rnn.py
	python benchmarks/bench_lstm.py
	python benchmarks/bench_cells.py

.PHONY: experiments
experiments: $(SETUP) ## run the long experiments that are not stored yet
	@python -m lstm_tutorial.experiments

# One lock serves every system and Python. It leaves out what begins with a dash, options and this
# package, and PyTorch where there are hashes.
compile = grep -hv '^-' $(1) | uv pip compile --quiet -
hashed = -c locks/constraints.txt --generate-hashes --no-emit-package torch
.PHONY: lock
lock: $(SETUP_DEV) ## write the locks anew from the requirements (UPGRADE=--upgrade for newer versions)
	@$(call compile,requirements.txt requirements-dev.txt) $(UPGRADE) -o locks/constraints.txt
	$(call compile,requirements.txt) $(hashed) -o locks/requirements.txt
	$(call compile,requirements.txt requirements-dev.txt) $(hashed) -o locks/requirements-dev.txt

.PHONY: clean
clean: ## remove what was built, but not .venv
	@rm -rf _build .make .pytest_cache .ruff_cache .mypy_cache .hypothesis
