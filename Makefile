# Everything happens in .venv, made here with nothing but Python, git and make.
# `make help` lists the targets. Another interpreter: make PYTHON=python3.12 demo

PYTHON ?= python3
VENV   ?= .venv

BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
INSTALL := $(PIP) install --constraint constraints.txt
SOURCES := etl tests

# What pytest and the demo inherit: no questions, no colours in logs of CI, no environment of the caller's instance.
RUN := env -u ATRO_PROFILE -u ATRO_URL -u ATRO_USERNAME -u ATRO_PASSWORD -u ATRO_TOKEN -u ATRO_STATE_DIR \
	-u ATRO_PASSWORD_FILE -u ATRO_TOKEN_FILE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

# ---- the environment: stamps, so that the second call costs nothing

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Give another: make PYTHON=python3.11 ...")'
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

# hatchling stands here and builds without isolation, so that constraints.txt holds for the build too.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing atro-etl into $(VENV)"
	@$(INSTALL) hatchling
	@$(INSTALL) --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing what tests and checks need into $(VENV)"
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' \
		> $(VENV)/dev-requirements.txt
	@$(INSTALL) --requirement $(VENV)/dev-requirements.txt
	@touch $@

.PHONY: install
install: $(VENV)/.installed-dev ## make .venv with everything for development

# ---- what users try first

.PHONY: demo
demo: $(VENV)/.installed ## import the samples into a sandbox, change a cell, import again
	@$(RUN) $(BIN)/atro-etl demo

# ---- what CI does

.PHONY: test
test: check unit wheel-test ## static checks, tests with coverage, the wheel alone (all that CI does)

# `make -k check` goes on behind the first that fails.
.PHONY: check check-format check-lint check-types check-imports check-laws
check: check-format check-lint check-types check-imports check-laws ## format, lint, types, imports, laws of the house, documents
	@echo "check: fine"
check-format: $(VENV)/.installed-dev
	@$(BIN)/ruff format --check --quiet --diff $(SOURCES)
check-lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check --quiet $(SOURCES)
check-types: $(VENV)/.installed-dev
	@$(BIN)/mypy --no-error-summary
check-imports: $(VENV)/.installed-dev
	@$(BIN)/lint-imports --no-cache > $(VENV)/lint-imports.log 2>&1 || { cat $(VENV)/lint-imports.log; exit 1; }
check-laws: $(VENV)/.installed-dev
	@$(RUN) $(BIN)/python -m pytest tests/house --quiet --durations=0 --durations-min=5

.PHONY: unit
unit: $(VENV)/.installed-dev ## the tests, on all cores, with branch coverage
	@$(RUN) $(BIN)/python -m pytest tests --ignore=tests/house -m "not soak" --quiet \
		--numprocesses auto --maxprocesses 4 --dist worksteal \
		--cov --cov-report=term:skip-covered

# The wheel travels alone: packaging mistakes show nowhere else.
WHEEL_VENV := .venv-wheel
.PHONY: wheel-test
wheel-test: $(VENV)/.installed-dev ## build the wheel, install it alone, run its demo
	@rm -rf $(WHEEL_VENV)
	@echo "building the wheel and installing it alone into $(WHEEL_VENV)"
	@$(BIN)/python -m venv $(WHEEL_VENV)
	@mkdir -p $(WHEEL_VENV)/dist $(WHEEL_VENV)/elsewhere
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir $(WHEEL_VENV)/dist .
	@$(WHEEL_VENV)/bin/python -m pip --quiet --disable-pip-version-check --no-input install \
		--constraint constraints.txt $(WHEEL_VENV)/dist/atro_etl-*.whl
	@cd $(WHEEL_VENV)/elsewhere && $(RUN) ../bin/atro-etl --version
	@cd $(WHEEL_VENV)/elsewhere && $(RUN) ../bin/atro-etl demo
	@rm -rf $(WHEEL_VENV)
	@echo "wheel: fine"

# ---- now and then

.PHONY: bench
bench: $(VENV)/.installed-dev ## ratios against simpler ways of doing the same (ONLY=name for one)
	@$(RUN) $(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY))

.PHONY: soak
soak: $(VENV)/.installed-dev ## the long runs: many seeds, many kills
	@$(RUN) $(BIN)/python -m pytest tests -m soak --quiet || { code=$$?; [ $$code -eq 5 ] && echo "no long runs yet"; }

.PHONY: format
format: $(VENV)/.installed-dev ## format and mend what can be mended
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

.PHONY: clean
clean: ## remove the environment and everything generated
	@rm -rf $(VENV) $(WHEEL_VENV) dist build htmlcov .coverage .coverage.* \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
