# SPDX-License-Identifier: Apache-2.0
# Everything runs in .venv; nothing is written outside the checkout but pip's and Yosys' own caches.

PYTHON ?= python3
ARGS ?=
# What to install: dev for everything; hardware where the simulator has no wheel.
EXTRAS ?= dev
BIN := .venv/bin
STAMP := .venv/.complete

# The pinned Yosys, never one of the machine's.
export AMARANTH_USE_YOSYS := builtin
# matplotlib lists the machine's fonts once.
export MPLCONFIGDIR := $(CURDIR)/.nms/matplotlib

.PHONY: setup demo test test-all bench lint docs clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	@echo 'setup 1/3: looking for what the machine must have'
	@$(PYTHON) nms/prerequisites.py $(EXTRAS)
	@echo 'setup 2/3: making the Python environment .venv'
	@$(PYTHON) -m venv .venv
	@echo 'setup 3/3: installing the packages that pyproject.toml pins (1.3 GB, minutes)'
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $(STAMP)
	@echo 'setup: done'

demo: setup
	$(BIN)/nms run -c tiny --data digits --count 16 --perplexity 5 --ratio 0.3 --level rtl -o out/demo
	$(BIN)/nms report out/demo

test: setup
	$(BIN)/pytest -n 2 --dist worksteal -m 'not slow'

test-all: setup
	$(BIN)/pytest -n 2 --dist worksteal

bench: setup
	$(BIN)/nms bench $(ARGS)

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m nms.rtl.export.registers --check
	$(BIN)/python -m nms.command_reference --check
	$(BIN)/python -m nms.block_pages --check

# The site, in build/site. Not --quiet, which hides warnings from --strict; the variable drops an advertisement.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf .venv .nms build out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache nms.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
