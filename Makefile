# Every target sets up what it needs. Requirements: Python 3.11 or newer, git, make.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin

.PHONY: setup demo test lint format build clean

setup: .venv/.installed

.venv/.installed: uv.lock pyproject.toml | $(UV)
	$(UV) sync --locked --quiet --python $(PYTHON)
	@touch $@

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check uv

demo: setup ## run the main job on a local DataWorks; run it again to see an unchanged node
	@$(RUN)/pai-designer demo

test: setup
	$(RUN)/pytest

lint: setup
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports --no-cache

format: setup
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

build: setup | $(UV)
	$(UV) build --quiet --out-dir dist

clean:
	rm -rf .venv .uv .demo dist build
