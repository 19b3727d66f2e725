# Two commands for users: `make demo` and `make test`. The rest is for maintainers; CONTRIBUTING.md says when.
PYTHON ?= python3
BIN := .venv/bin
unexport PYTHONDONTWRITEBYTECODE
# Tests and notebooks run side by side; threads inside each would only get in the way.
export OPENBLAS_NUM_THREADS = 1

.PHONY: demo test spark setup lint notebooks recovery lock clean

demo: setup
	$(BIN)/playbook run datasets/demo/engagement.yml

test: setup
	$(BIN)/python -m pytest -n auto
	$(BIN)/python -m pytest -n auto --nbval --ignore=tests --ignore=src modules

# The views on a local Spark session: needs Java 17 or newer, and downloads Spark.
spark: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-spark.lock
	$(BIN)/python -m pytest tests/store/test_spark.py

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "the playbook needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	@echo "installing the locked dependencies (a minute or two) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

notebooks: setup
	$(BIN)/python -m playbook.publish.dictionary
	$(BIN)/python -m playbook.notebooks

recovery: setup
	$(BIN)/python -m playbook.publish.recovery

lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --extra dev pyproject.toml --output-file requirements.lock
	echo 'pyspark>=4,<5' | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --no-header --constraint requirements.lock - --output-file requirements-spark.lock

clean:
	rm -rf .venv runs participants decisions
