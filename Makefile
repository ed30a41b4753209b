# Long Short-Term Memory: build, check and read the book. `make help` lists the targets.
#
# Nothing runs twice when nothing changed: each step leaves a stamp that depends on what the
# step reads. The stamp of a check holds the seconds that it took.

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

VENV := .venv
SETUP := $(VENV)/installed
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
SITE := $(wildcard *.md) $(BOOK) $(call tracked,_ext _static) _config.yml _toc.yml
PAGE_TESTS := tests/book/test_pages.py
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

.PHONY: setup
setup: $(SETUP) ## make .venv and install everything into it

# Not with the Python of a .venv that an interrupted set-up may have left half made.
$(SETUP): export PATH := $(SYSTEM_PATH)
$(SETUP): requirements.txt constraints.txt pyproject.toml
	@if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
		echo "$(PYTHON) is missing or older than Python 3.11. Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2
		exit 1
	fi
	if ! $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null; then
		echo "$(PYTHON) cannot make virtual environments. On Debian: apt-get install python3-venv" >&2
		exit 1
	fi
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
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
test-pages: .make/pages ## open every built page in Chromium

.make/lint: $(SETUP) $(filter %.py %.ipynb,$(PACKAGE) $(BOOK) $(TOOLS) $(TESTS) $(call tracked,_ext benchmarks)) pyproject.toml
	$(begin)
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	$(end)

.make/package: $(SETUP) $(PACKAGE) $(PACKAGE_TESTS) pyproject.toml
	$(begin)
	pytest -q -n 2 --doctest-modules lstm_tutorial tests --ignore=tests/book
	$(end)

.make/book: $(SETUP) $(BOOK_TESTS) $(SITE) $(PACKAGE) $(TOOLS) Makefile README.md requirements.txt constraints.txt
	$(begin)
	pytest -q tests/book --ignore=$(PAGE_TESTS)
	$(end)

# The notebooks that are newer than the last run; all of them when something they import is.
changed = $(if $(filter-out %.ipynb,$?),$(NOTEBOOKS),$(filter %.ipynb,$?))

.make/notebooks: $(SETUP) $(PACKAGE) $(NOTEBOOKS) book/conftest.py
	$(begin)
	$(NBVAL) $(changed)
	$(end)

.make/portable: $(SETUP) $(PACKAGE) $(NOTEBOOKS) book/conftest.py tools/portable.py tools/noise.py
	$(begin)
	python tools/portable.py $(NBVAL) -n 0 $(changed)
	$(end)

.PHONY: test-portable-all
test-portable-all: $(SETUP) ## every notebook with all kernels that this processor can run
	@python tools/portable.py --all $(NBVAL) -n 0 $(NOTEBOOKS)

.make/html: $(HTML)
	@mkdir -p .make
	cp $(HTML) $@

.make/pages: $(HTML) $(PAGE_TESTS) tools/serve.py
	$(begin)
	pytest -q -n 2 --dist loadgroup $(PAGE_TESTS)
	$(end)

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

.PHONY: lock
lock: $(SETUP) ## write constraints.txt from what .venv holds
	@mkdir -p .make
	python tools/lock.py > .make/constraints.txt
	mv .make/constraints.txt constraints.txt

.PHONY: clean
clean: ## remove what was built, but not .venv
	@rm -rf _build .make .pytest_cache .ruff_cache .mypy_cache .hypothesis
