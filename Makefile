# Every target makes its own .venv, and only when pyproject.toml has changed since.
VENV := .venv
BIN := $(VENV)/bin
# One worker more than there are cores, since tests wait for other programs a third of their time; four at most.
WORKERS = $(shell $(PYTHON) -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')
PYTEST = $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
# The first interpreter that is new enough; override with `make PYTHON=…`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.PHONY: demo check test lab lint style format bench docs pictures clean

demo: $(VENV)/.lab
	$(BIN)/python notebooks/demo.py build

# What to run while working: style, types, and the tests that start no process and no browser.
check: MARKS := -m 'not real and not browser'
check: test

# Side by side, each file of tests in one worker; plain pytest does the same, one after the other. What mypy finds
# meanwhile, alone and with time to spare, is said at the end.
test: style
	@said=$$(mktemp); trap 'rm -f "$$said"' EXIT; trap 'kill $$mypy; exit 130' INT TERM; \
	$(BIN)/mypy >"$$said" 2>&1 & mypy=$$!; \
	echo "$(PYTEST) $(MARKS)"; $(PYTEST) $(MARKS); tests=$$?; \
	echo '$(BIN)/mypy'; wait $$mypy; types=$$?; cat "$$said"; \
	exit $$((tests + types))

lab: $(VENV)/.lab
	$(BIN)/jupyter lab notebooks

lint: style
	$(BIN)/mypy

style: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.run $(RACES)

docs: $(VENV)/.docs
	$(BIN)/python docs/build.py build/docs

# Those of the README, of what there is; it takes a Chromium.
pictures: $(VENV)/.test
	OCINB_REQUIRE_REAL=1 $(BIN)/python -m pytest tests/real/test_pictures.py -k 'not readme'
	mkdir -p docs/pictures && cp build/pictures/*.png docs/pictures

clean:
	rm -rf $(VENV) build

$(VENV)/.lab: pyproject.toml
	$(call setup,lab)

$(VENV)/.test: pyproject.toml
	$(call setup,test)

$(VENV)/.bench: pyproject.toml
	$(call setup,bench)

$(VENV)/.docs: pyproject.toml
	$(call setup,docs)

define setup
	@test -n "$(PYTHON)" || { echo "ocinb needs Python 3.11 or newer, and none was found: make PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "could not make $(VENV); on Debian: apt install python3-venv"; exit 1; }
	@echo "installing ocinb[$(1)] into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(1)]'
	@touch $@
endef
