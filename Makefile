# make run [DEMO=1]   start a campaign at http://127.0.0.1:8000
# make test           format, style, types and all tests
# make test-fast      the tests that take seconds
# make check          format, style and types
# make format         put the code into its format
# make docs           draw again what the documentation shows of the code
# make screenshots    take pictures of every page of the site
# make words          bring the catalogues of the interface's languages up to date
# make lock           write down the exact versions of what is installed
# make clean          remove what `make` made; the campaign in var/ stays

PYTHON ?= python3
BIN := .venv/bin
# Each process has a PostgreSQL and a browser of its own, so a large machine does not start one for every core.
ON_ALL_CORES := -n logical --maxprocesses=4 --dist=worksteal

.PHONY: help run install chromium test test-fast check format docs screenshots words lock clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

run: .venv/.installed
	@$(BIN)/espalier serve $(if $(DEMO),--demo)

install: .venv/.compiled-dev

# The browser comes in while packages are installed, and these are compiled while types are looked at.
test:
	@$(MAKE) --no-print-directory -j3 check chromium .venv/.compiled-dev
	$(BIN)/python -m pytest $(ON_ALL_CORES) --durations=15

# The tests of the site walk through it in a real browser, which the system brings: any Chromium, or the one without
# windows, which begins and draws sooner; with letters of all scripts that pages are pictured in (fonts-wqy-microhei:
# Chinese, Japanese and Korean in 2 MB, where Noto's would take 57).
LETTERS := fonts-noto-core fonts-wqy-microhei
APT_INSTALL := DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends

chromium:
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Chromium for the tests of the site ..."; \
	    { apt-get update -q; $(APT_INSTALL) chromium-headless-shell $(LETTERS) || $(APT_INSTALL) chromium $(LETTERS); } >/dev/null; \
	  else echo "The tests of the site need Chromium; install it with: sudo apt-get install chromium-headless-shell $(LETTERS)" \
	       "(or chromium where there is no such package; make test-fast needs no browser)" >&2; exit 1; fi; }

test-fast: .venv/.compiled-dev
	$(BIN)/python -m pytest $(ON_ALL_CORES) -q -m "not real and not slow and not browser" --hypothesis-profile=fast

check: .venv/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: .venv/.installed-dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: .venv/.installed-dev
	$(BIN)/python scripts/draw_docs.py

screenshots: .venv/.installed-dev chromium
	$(BIN)/python scripts/photograph.py

words: .venv/.installed-dev
	$(BIN)/python scripts/interface_words.py

lock: .venv/.installed-dev
	@{ echo "# Exact versions of all that Espalier is tested with; written by make lock."; \
	   $(BIN)/python -m pip freeze --exclude espalier | sed 's/+.*//' | LC_ALL=C sort -fu; \
	 } > constraints.new && mv constraints.new constraints.txt

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis src/*.egg-info

# pip compiles with one core what it installs, and this with all; some packages bring files that are no Python.
COMPILE := $(BIN)/python -m compileall -qq -j 0 .venv/lib src || true

# A stamp for each set of extras: installed once, and again when what is wanted has changed.
.venv/.installed: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing Espalier into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e .
	@$(COMPILE)
	@touch $@

.venv/.installed-%: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing Espalier with what '$*' needs into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[$*]'
	@touch $@

.venv/.compiled-%: .venv/.installed-%
	@$(COMPILE)
	@touch $@

# With the newest pip, where it can be had: that of Python 3.11 takes most of a minute longer to find the packages.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Espalier needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not there)." \
	       "Name another one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip || true
