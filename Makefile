# Every command of the project. `make` alone lists them.
#
#   make run TORCH_INDEX=URL   take torch from this package index (one with CPU builds); all else from the usual one
#   make test ARGS='-k spool'  hand further options to pytest
#   make test REQUIRE_ALL=1    a test skipped for want of a system package is a failure
#   make quality ARGS='--data FOLDER'   the histories that heads are measured on; bench/README.md says which

VENV   := .venv
BIN    := $(VENV)/bin
PIP    := PYTHONWARNINGS=ignore $(BIN)/python -m pip --disable-pip-version-check --quiet
MODELS := $(or $(TRIAGE_MODELS_DIR),models)
# What a bundle must be made for: another one is refused by the service.
FORMAT   := $(shell sed -n 's/^FORMAT = //p' triage/prediction/manifest.py)
FEATURES := $(shell sed -n 's/^FEATURE_VERSION = //p' triage/prediction/features.py)
TORCH  := $(shell sed -n 's/.*"\(torch==[^"]*\)".*/\1/p' pyproject.toml)
JOBS   ?= 2
ARGS   ?=

# The first interpreter that is new enough, unless PYTHON names one.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && break; done)

# One thread per worker process: numeric libraries that each take all cores make every test slower.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false

# torch alone first: from the index that was named, without dependencies, so that nothing else can come from there.
define install
	@$(PIP) install --upgrade 'pip>=25.1'
	@echo 'Installing $(TORCH) (for training only; the first time it is a large download) …'
	@$(PIP) install --no-deps $(if $(TORCH_INDEX),--index-url '$(TORCH_INDEX)') '$(TORCH)'
	@echo 'Installing everything else as pinned in constraints.txt …'
	@$(PIP) install --constraint constraints.txt --editable '.[train]' $(1)
	@touch $@
endef

.NOTPARALLEL:
.PHONY: help run test check format bench quality recurrence rehearsal loop escalations pages soak bundle secrets lock clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18

run: $(VENV)/.installed bundle  ## set up what is missing, then serve on http://127.0.0.1:8080 (Ctrl-C stops everything)
	@exec $(BIN)/triage serve

test: $(VENV)/.installed-dev bundle  ## the same set-up, then all tests
	@$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist loadscope $(ARGS)

check: $(VENV)/.installed-dev bundle  ## format, lint, types, import table, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist loadscope $(ARGS)

format: $(VENV)/.installed-dev  ## write the code in the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-dev bundle  ## measure encoder, API and a plain service side by side
	@$(BIN)/python -m bench $(ARGS)

quality: $(VENV)/.installed-dev  ## measure trained heads beside plain means, on histories that are not in this repository
	@$(BIN)/python -m bench.quality $(ARGS)

recurrence: $(VENV)/.installed-dev bundle  ## measure the memory: finding, merging, look-ups, storms; ARGS='--data FOLDER'
	@$(BIN)/python -m bench.recurrence $(ARGS)

rehearsal: $(VENV)/.installed-dev  ## planted faults, on-call agreement, rule cost, a backtest; ARGS='--data FOLDER'
	@$(BIN)/python -m bench.planted
	@$(BIN)/python -m bench.rules
	@$(BIN)/python -m bench.backtest $(ARGS)
	@$(BIN)/python -m bench.oncall

loop: $(VENV)/.installed-dev  ## what reviewing 5 % of the incidents brings, week by week, beside chance; ARGS='--data FOLDER'
	@$(ONE_THREAD) $(BIN)/python -m bench.loop $(ARGS)

escalations: $(VENV)/.installed-dev  ## 20,000 escalations due within a minute, who carries them on killed, targets dead or slow
	@$(BIN)/python -m bench.escalations
	@$(BIN)/python -m bench.crashes
	@$(BIN)/python -m bench.telling

pages: $(VENV)/.installed-dev bundle  ## each page of the console with 200,000 incidents, and 200 pages open at once
	@$(BIN)/python -m bench.pages $(ARGS)

soak: $(VENV)/.installed-dev bundle  ## a storm of 10,000 alerts, and a memory of a million texts
	@$(BIN)/python -m bench.storm $(ARGS)
	@$(BIN)/python -m bench.recurrence_lookups --sizes '' --vectors 10000,100000,1000000

bundle: $(VENV)/.installed  ## build the starter bundle if there is none that this version can use
	@for manifest in $(MODELS)/*/manifest.json; do \
		grep -qs '^ "format": $(FORMAT),$$' $$manifest && grep -qs '^ "feature_version": $(FEATURES),$$' $$manifest \
		&& exit 0; done; $(BIN)/python -m training starter --models $(MODELS)

# Readable for the containers' own users; the folder is closed to everybody else on this machine.
secrets:  ## random passwords and tokens for compose.yaml, in deploy/secrets, where there are none
	@mkdir -p -m 700 deploy/secrets
	@cd deploy/secrets && for name in postgres_password bootstrap_token; do \
		test -s $$name || head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > $$name; done; \
		test -s alertmanager_token || cp bootstrap_token alertmanager_token; \
		echo "postgresql://triage:$$(cat postgres_password)@postgres:5432/triage" > database_url; chmod 644 *
	@ls deploy/secrets

lock:  ## resolve all dependencies anew and write constraints.txt
	@rm -rf build/lock && mkdir -p build
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	@build/lock/bin/python -m pip install --quiet --no-deps $(if $(TORCH_INDEX),--index-url '$(TORCH_INDEX)') '$(TORCH)'
	@PYTHONWARNINGS=ignore build/lock/bin/python -m pip install --quiet --editable '.[train]' --group dev
	@{ echo '# What a fresh installation resolved to; written by `make lock`.'; \
		build/lock/bin/python -m pip freeze --all --exclude-editable \
		| sed 's/+.*//' | grep -viE '^(pip|triton|nvidia-[^=]*|cuda-[^=]*)=='; } > build/constraints.txt
	@mv build/constraints.txt constraints.txt && rm -rf build/lock

clean:  ## remove the virtual environment and caches; models/ and data/ stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'Triage needs Python 3.11 or newer; found: '"$$(python3 --version 2>&1)"'.' \
		'Install one, or name it: make run PYTHON=/path/to/python3.11'; exit 1; }
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo 'Triage needs Python 3.11 or newer; $(PYTHON) is older.'; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo 'No virtual environment could be made. On Debian and Ubuntu: apt-get install python3-venv'; exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(call install)

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/.installed
	$(call install,--group dev)
