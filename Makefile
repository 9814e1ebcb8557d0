# Every target sets up what it needs. Requirements: Python 3.11 or newer, git, make.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin

# Compiled once: a component of Airflow that has to compile its modules first starts three times as slowly, and a run of
# the tests starts hundreds of processes.
export UV_COMPILE_BYTECODE = 1
export PYTHONDONTWRITEBYTECODE =

.PHONY: setup demo ui test test-browser test-oldest test-next test-cluster servers release chaos chaos-smoke soak chromium \
	bench docs lint format build clean

setup: .venv/.installed

.venv/.installed: uv.lock pyproject.toml | $(UV)
	$(UV) sync --locked --quiet --inexact --python $(PYTHON)
	@touch $@

.venv/.browser-installed: .venv/.installed
	$(UV) sync --locked --quiet --inexact --python $(PYTHON) --group browser
	@touch $@

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check uv

demo: setup ## run the main job on a local DataWorks; run it again to see an unchanged node
	@$(RUN)/pai-designer demo

ui: setup ## a real Airflow with the examples, and the emulator's Operation Center; prints both addresses
	@$(RUN)/pai-designer ui

# most tests wait more than they work; in the order that tests/conftest.py gives, not by the number of tests in a file
WORKERS ?= 8
SPREAD = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# the second line kills tasks at four points, under an Airflow that must not share the processor with other tests
test: setup
	$(RUN)/pytest $(SPREAD)
	$(RUN)/pytest tests/chaos

test-browser: .venv/.browser-installed chromium ## Airflow's pages and the emulator's, in a real browser
	$(RUN)/pytest tests/browser

# Other versions of Airflow, each in an environment of its own. Of the tests those that see Airflow; the rooms that know
# none of it are tested with the contract.
VERSIONED = tests/e2e tests/hooks tests/links tests/macros tests/sensors \
	tests/test_contract.py tests/test_example_dags.py tests/test_imports.py tests/test_provider_info.py tests/test_testing.py

.versions/%/.installed: uv.lock pyproject.toml | $(UV)
	UV_PROJECT_ENVIRONMENT=.versions/$* $(UV) sync --locked --quiet --python $(PYTHON) --no-default-groups --group $*
	@touch $@

# the second line kills and clears deferred tasks of a real Airflow, on PostgreSQL
test-oldest test-next: test-%: .versions/%/.installed ## on Airflow 3.2.2, and on the next one: see docs/versions.md
	.versions/$*/bin/pytest $(SPREAD) $(VERSIONED)
	PAI_DESIGNER_CHAOS=smoke .versions/$*/bin/pytest tests/chaos -k "deferred and legacy and (killed or clear)"

test-cluster: .versions/cluster/.installed servers ## CeleryExecutor, Redis, PostgreSQL, two workers, two triggerers
	.versions/cluster/bin/pytest tests/cluster

servers:
	@command -v redis-server >/dev/null && { command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 && exit; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "The cluster tests need the servers of Redis and PostgreSQL (Debian: redis-server, postgresql). They are" \
			"installed only by root on Debian; elsewhere install them first." >&2; \
		exit 1; \
	fi; \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server postgresql

chromium:
	@command -v chromium >/dev/null && exit; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "The browser tests need chromium on the PATH. It is installed only by root on Debian; elsewhere install it first." >&2; \
		exit 1; \
	fi; \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-inter

# mypy reads tests/browser too
chaos: .venv/.browser-installed ## kill, clear, cancel at every point under a real Airflow, into docs/chaos.md; an hour
	PAI_DESIGNER_CHAOS=all PAI_DESIGNER_CHAOS_PAGE=docs/chaos.md $(RUN)/pytest -v tests/chaos

chaos-smoke: .venv/.browser-installed ## some of the same
	PAI_DESIGNER_CHAOS=smoke $(RUN)/pytest tests/chaos

soak: .venv/.browser-installed ## 200 runs in 30 minutes of bad weather, kills and cancels
	$(RUN)/pytest tests/soak

# an environment of its own: the peers ask for older versions of what the rest is tested with
.bench/venv/.installed: uv.lock pyproject.toml | $(UV)
	UV_PROJECT_ENVIRONMENT=.bench/venv $(UV) sync --locked --quiet --python $(PYTHON) --no-default-groups --group bench
	@touch $@

bench: .bench/venv/.installed ## what the provider costs beside others, into docs/benchmarks.md; BENCH="--full", BENCH="one_day cost"
	.bench/venv/bin/python -m benchmarks $(BENCH)

.venv/.docs-installed: .venv/.installed
	$(UV) sync --locked --quiet --inexact --python $(PYTHON) --group docs
	@touch $@

# into a new folder: what an earlier build left there is neither checked nor shown
docs: .venv/.docs-installed ## the documentation as a site, in site/; a warning is an error
	@rm -rf site
	$(RUN)/sphinx-build --fail-on-warning --keep-going --quiet -d build/doctrees docs site
	@echo "site/index.html"

lint: setup .venv/.browser-installed
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports --no-cache

format: setup
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

build: setup | $(UV)
	$(UV) build --quiet --out-dir dist

release: setup | $(UV) ## build what the tag of this commit names, check it, and install it in a clean environment
	.ci/release --tagged

clean:
	rm -rf .venv .uv .versions .demo dist build site
