# The commands of a contributor. The first run of each makes .venv and installs what the locks say;
# afterwards everything works offline.
#
#   make demo    run EvalHub with a demo project   (EVALHUB_PORT=8000 EVALHUB_DATA_DIR=./var)
#   make run     the same without the demo project
#   make test    run the tests, on SQLite or on the PostgreSQL that DATABASE_URL names
#   make check   lint, types, import contracts, templates, migrations, coverage of what is pure
#   make rest    run the tests that `make check` has not run
#   make format  put code and templates into shape
#   make bench   run all benchmarks on a service of their own   (BENCH="--quick --markdown found.md")
#   make lock    compile the lock files from pyproject.toml
#
# PYTHON chooses the interpreter (3.11 or newer), TESTS the tests to run.

PYTHON ?= python3
TESTS ?= tests
PARALLEL ?= -n auto --dist loadscope --no-loadscope-reorder
PY := .venv/bin/python
# Tests of what needs neither network nor database; they run under coverage in `make check`.
PURE := tests/metrics tests/evalhub/intake

.DEFAULT_GOAL := help
.PHONY: help demo run test rest check lint coverage coverage-of-all format bench lock runtime development

help:
	@sed -n 's/^#  //p' Makefile

demo: runtime
	@exec $(PY) -m evalhub.supervisor --demo --parent $$PPID

run: runtime
	@exec $(PY) -m evalhub.supervisor --parent $$PPID

test: development
	@EVALHUB_TEST_PARENT=$$PPID exec $(PY) -m pytest $(PARALLEL) $(TESTS)

rest: development
	@EVALHUB_TEST_PARENT=$$PPID exec $(PY) -m pytest $(PARALLEL) $(TESTS) $(PURE:%=--ignore=%)

check: lint coverage

lint: development
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -c "from importlinter.cli import lint_imports_command as run; run()"
	$(PY) -m djlint --lint --check templates
	$(PY) manage.py check --fail-level WARNING --settings tests.settings
	$(PY) manage.py makemigrations --check --dry-run --settings tests.settings

# What is pure has no excuse for a branch without a test; the whole has a floor (coverage-of-all).
# Marked no_cover, and not traced, are the longest simulations and random tests: tracing takes half
# their time, and what they reach others reach.
coverage: development
	@EVALHUB_TEST_PARENT=$$PPID exec $(PY) -m pytest $(PARALLEL) $(PURE) --cov=metrics --cov=evalhub.intake --cov-fail-under=100

coverage-of-all: development
	@EVALHUB_TEST_PARENT=$$PPID exec $(PY) -m pytest $(PARALLEL) $(TESTS) -m "not journey and not browser" --cov

format: development
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	$(PY) -m djlint --reformat --quiet templates

bench: development
	@exec $(PY) benchmarks/all.py $(BENCH)

LOCK = $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras

lock: development
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) pyproject.toml --group dev -o requirements-dev.txt
	$(LOCK) --group build -o requirements-build.txt

runtime:
	@PYTHON="$(PYTHON)" sh tools/install.sh requirements.txt requirements-dev.txt

development:
	@PYTHON="$(PYTHON)" sh tools/install.sh requirements-dev.txt
