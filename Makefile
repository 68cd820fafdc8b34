.DEFAULT_GOAL := help
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
SWEEP  ?= grid
STORAGE ?= sqlite:///outputs/sweeps/$(SWEEP)/study.db
TENSORFLOW ?= tensorflow-cpu>=2.21

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## create .venv and install the project with the tested versions

# Shows how far pip is: a line for each 20 packages found and each large file, and the end. What
# pip has against the packages, it says itself, on standard error.
define FOLLOW_PIP
/^Collecting / && ++found % 20 == 0 {print "  " found " of about " total " packages found"}
/^ *Downloading .*[0-9][0-9]\.[0-9] MB/ {print "  downloading " $$2 " " $$3 " " $$4}
/^Installing collected packages/ {print "  installing " split($$0, names, ",") " packages"}
/^pip failed$$/ {failed = 1}
{fflush()}
END {exit failed}
endef
export FOLLOW_PIP

# A torch that is in .venv already stays, if the range in pyproject.toml admits it: its constraint is dropped.
$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing the project and its packages, of the tested versions, into $(VENV)."
	@echo "That is about 2 GB, and on Linux 4 GB more for CUDA, unless .venv has a torch without it"
	@echo "(docs/install.md says how); it takes one to ten minutes."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if $(BIN)/python -c 'import torch; assert tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 10)' 2>/dev/null; \
	then grep -v '^torch==' constraints.txt > $(VENV)/constraints.txt; else cp constraints.txt $(VENV)/constraints.txt; fi
	@begun=$$(date +%s); { PYTHONUNBUFFERED=1 $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --use-pep517 \
	-c $(VENV)/constraints.txt -e '.[dev]' || echo "pip failed"; } | awk -v total=$$(grep -c == constraints.txt) "$$FOLLOW_PIP" \
	&& echo "Installed in $$(($$(date +%s) - begun)) s."
	@touch $@

train: setup ## train on the embedded corpus; ARGS="model.hidden=64 data.train=my.csv" passes overrides on
	$(BIN)/python src/train.py $(ARGS)

inspect: setup ## look at the data before training; ARGS="data.train=my.csv"
	$(BIN)/python src/inspect_data.py $(ARGS)

serve: setup ## a page and an API with the last run's model; ARGS="run=best port=8080"
	$(BIN)/python src/serve.py $(if $(filter run=%,$(ARGS)),,run=latest) $(ARGS)

suspects: setup ## training rows whose label looks wrong; ARGS="data.train=my.csv"
	$(BIN)/python src/suspects.py $(ARGS)

smoke: setup ## 200 rows, one epoch: does everything run?
	$(BIN)/python src/train.py experiment=smoke $(ARGS)

sweep: setup ## a grid over units, dropout, epochs and batch size; SWEEP=units|dropout|epochs|batch_size|learning_curve
	$(BIN)/python src/train.py sweep=$(SWEEP) $(ARGS)

leaderboard: setup ## the last sweep's table and pictures, and the commands for its best; SWEEP=NAME for another
	$(BIN)/python src/leaderboard.py $(if $(filter file,$(origin SWEEP)),,$(SWEEP)) $(ARGS)

runs: setup ## all runs, those of a data set together, the best first; ARGS="--data my.csv --since 7d"
	$(BIN)/python src/runs.py $(ARGS)

compare: setup ## what differs between finished runs, and which is better; RUNS="outputs/runs/2026-01-31_12-00-00 latest"
	$(BIN)/python src/compare.py $(RUNS) $(ARGS)

benchmark: setup ## presets on each data set of DATA, beside the linear model; ARGS="--presets best,default --seeds 1,2,3"
	$(BIN)/python src/benchmark.py $(if $(DATA),--data "$(DATA)") $(ARGS)

tensorboard: setup ## watch all runs in the browser; ARGS="--logdir outputs/sweeps/grid" opens one sweep
	$(BIN)/python -m textlstm.commands.tensorboard --logdir outputs $(ARGS)

optuna-dashboard: setup ## Optuna's dashboard of a sweep; SWEEP=NAME, or STORAGE=URL where sweep.storage named one
	@case "$(STORAGE)" in sqlite:///*) test -f "$(STORAGE:sqlite:///%=%)" || { \
	echo "error: there is no $(STORAGE:sqlite:///%=%); SWEEP=NAME names a folder of outputs/sweeps." >&2; exit 2; };; esac
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(VENV)/constraints.txt -e '.[dashboard]'
	@$(BIN)/optuna-dashboard "$(STORAGE)" $(ARGS)

test: setup ## the tests of every change; the targets below run the others
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

coverage: setup ## the same tests, and which lines of src/ they do not reach; takes a third longer
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term $(ARGS)

test-cores: setup ## those that train or start processes, as on a machine of 16 cores
	TEXTLSTM_TEST_CORES=16 $(BIN)/python -m pytest -n 2 --dist worksteal -m 'cores and not gpu and not scale' $(ARGS)

test-slow: setup ## those that train several models, which `make test` leaves out
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow $(ARGS)

test-gpu: setup ## the few that need a GPU
	TEXTLSTM_TEST_GPU=1 $(BIN)/python -m pytest -m gpu $(ARGS)

test-scale: setup ## the minutes-long tests: two machines on PostgreSQL (Debian's, started and stopped here), submitit, devices, streams
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(VENV)/constraints.txt -e '.[postgres,slurm]'
	$(BIN)/python -m pytest -m scale $(ARGS)

test-slurm: setup ## searches, grids and runs of two tasks on a SLURM of one node (Debian's, started and stopped here)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(VENV)/constraints.txt -e '.[slurm]'
	$(BIN)/python -m pytest -m slurm $(ARGS) tests/sweeps/test_slurm.py

test-trust: setup ## attacks: kills, hostile folders and bundles, faults of disks, signals, odd values; prints a table
	$(BIN)/python -m pytest -n 2 --dist worksteal -m trust $(ARGS)

test-browser: setup ## the pages in Chromium: Debian's (apt install chromium), or Playwright's own
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(VENV)/constraints.txt -e '.[browser]'
	$(BIN)/python -m pytest -m browser $(ARGS) tests/serving

bench-data: setup ## time and memory from file to batches for a million rows; ARGS="--rows 100000 --no-memory" is shorter
	$(BIN)/python src/benchmarks/data.py $(ARGS)

bench: setup .venv-keras/.installed ## speed against Keras, a bare loop and a naive project; DATA=FOLDER adds a data set
	$(BIN)/python src/benchmarks/speed.py --keras .venv-keras/bin/python $(if $(DATA),--data $(DATA)) $(ARGS)

# An environment of its own: beside TensorFlow, torch's TensorBoard writer would import it at each start.
.venv-keras/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-keras
	.venv-keras/bin/pip install --quiet --disable-pip-version-check "keras>=3.15,<4" "$(TENSORFLOW)"
	touch $@

# Any end but an answer, "Found …" or "No known …", says that nobody could be asked.
audit: setup ## ask PyPI for known vulnerabilities of the tested versions, with pip-audit
	@{ $(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(VENV)/constraints.txt -e '.[audit]' && \
	$(BIN)/pip-audit -r constraints.txt --no-deps --disable-pip --strict --progress-spinner off $(ARGS); } \
	2> $(VENV)/audit.log; ended=$$?; grep -E '^(Found|No known) ' $(VENV)/audit.log || \
	{ echo "error: the index of vulnerabilities cannot be reached: $$(tail -n 1 $(VENV)/audit.log)" >&2; exit 1; }; exit $$ended

lint: setup ## style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src

format: setup ## lint's own repairs, and the format
	$(BIN)/ruff check --quiet --fix --exit-zero .
	$(BIN)/ruff format .

clean: ## remove caches, not .venv or runs
	rm -rf outputs/cache .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage .coverage.*
	find src tests -name __pycache__ -type d -exec rm -rf {} +

# A folder is taken only if it lies in one of these, wherever outputs/ leads.
clean-runs: ## delete runs, sweeps or benchmarks that you name, after a question; RUNS="outputs/runs/2026-01-31_* outputs/sweeps/old"
	@set -- $(RUNS); test $$# -gt 0 || { \
	echo 'error: RUNS= names no folder; RUNS="outputs/runs/2026-01-31_* outputs/sweeps/old" does.' >&2; exit 2; }; \
	root=$$(cd outputs && pwd -P); for run; do \
	case "$$(cd -- "$$run" 2>/dev/null && pwd -P)" in "$$root"/runs/*|"$$root"/sweeps/*|"$$root"/benchmarks/*) ;; \
	*) echo "error: $$run is no folder in outputs/runs, outputs/sweeps or outputs/benchmarks; nothing was deleted." >&2; exit 2;; \
	esac; done; du -shc -- "$$@"; find "$$@" -name .running -exec echo 'A process may still work there:' {} \; ; \
	printf 'Delete these for good? [y/N] '; read -r answer || true; \
	case "$$answer" in y|yes) rm -rf -- "$$@" && echo 'Deleted.';; *) echo 'Nothing was deleted.';; esac

.PHONY: clean-runs help setup train serve smoke sweep leaderboard compare runs benchmark tensorboard optuna-dashboard inspect suspects test coverage test-cores test-gpu test-scale test-slurm test-trust test-browser bench bench-data audit lint format clean
