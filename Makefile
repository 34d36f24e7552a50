# `make demo` and `make test` are the two commands; each sets up `.venv` by itself when it has to.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check long coverage wheel chaos bench bench-realism bench-bodies lidar-figures carla-smoke croissant docs format lock clean

PYTHON3 ?= $(shell command -v python3 || command -v python3.12 || command -v python3.11 || command -v python3.10)
BIN := .venv/bin
# the quick suites: no simulator, no dataset
UNIT := $(addprefix tests/,capture geometry labels log metrics rig scenario sensing store test_documents.py test_errors.py test_words.py)

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup:  ## make .venv from the lock file, and fetch a software GL where there is no GPU
	@$(PYTHON3) -m tools.setup

demo: setup  ## one near-miss from YAML to a verified nuScenes dataset in out/demo
	@$(BIN)/av-synth demo

check: setup  ## format, lint, types, imports, unit tests: under a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(SUITES) -m "not long" $(UNIT)

# each suite in one of three processes, for tests often wait, the dearest first (tests/conftest.py)
SUITES := -n 3 --no-loadscope-reorder
test: setup  ## everything that a change must pass
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(SUITES) -m "not long"

long: setup  ## what `make test` leaves out: many draws, full-size runs
	$(BIN)/python -m pytest $(SUITES) -m long

# a cache of its own: nothing that was built before and kept would be built again
COLD := XDG_CACHE_HOME=$(CURDIR)/out/coverage/cache
coverage: setup  ## how much of the package the tests of `make test` run, also in processes that they start: want 90 %, of each file 75 %
	rm -rf out/coverage
	$(COLD) $(BIN)/python -m av_synth.simulator.render.software_gl
	$(COLD) $(BIN)/python -m coverage run -m pytest $(SUITES) -m "not long" --timeout 1800
	$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m tools.covered

wheel: setup  ## the wheel in empty environments of Python 3.10 to 3.12, and the demo made there (needs a package index)
	@$(BIN)/python -m tools.wheel

SCHEDULES ?= 1000
chaos: setup  ## misfortune by seeds on SCHEDULES=1000 campaigns of the farm: nothing may be lost (docs/explanation/chaos.md)
	$(BIN)/python -m tests.farm.chaos $(SCHEDULES)

bench: setup  ## how fast it is here, as JSON
	$(BIN)/python -m tools.bench

# the closing seed of docs/explanation/realism.md; 0 to 9 while developing
FRAMES ?= 96
SEED ?= 1000
OUT ?= out/realism
bench-realism: setup  ## does a detector trained on photographs find our cars and people? JUDGE=/path/to/yolox_nano_coco.onnx [FRAMES=96 SEED=1000 OUT=out/realism]
	@$(BIN)/python -m tools.bench_realism --judge "$(JUDGE)" --frames $(FRAMES) --seed $(SEED) --out $(OUT)

bench-bodies: setup  ## the same of each body alone in a street: JUDGE=... [BODIES="vehicle.audi.tt walker.pedestrian.0001" OUT=out/realism]
	@$(BIN)/python -m tools.bench_bodies --judge "$(JUDGE)" --out $(OUT) $(BODIES)

lidar-figures: setup  ## our lidar turns beside a real one: TURNS="real.ply ours.pcd.bin"
	@$(BIN)/python -m tools.lidar_figures $(TURNS)

carla-smoke: setup  ## CARLA's own smoke tests on our simulator: CARLA_PYTHONAPI=/path/to/carla/PythonAPI [MODULES="client sync"]
	@$(BIN)/python -m tools.carla_smoke "$(CARLA_PYTHONAPI)" $(addprefix --module ,$(MODULES))

croissant: setup  ## does mlcroissant take the card of a dataset? CARD=out/first/nuscenes (needs a package index)
	@$(BIN)/python -m tools.croissant "$(CARD)"

docs: setup  ## write the pages of docs/ that are made from the code
	$(BIN)/python -m tools.docs

format: setup  ## rewrite in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## resolve tools/requirements.in anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header \
		--override tools/overrides.in --extra mcap --extra rerun --extra farm --extra video pyproject.toml tools/requirements.in --output-file tools/requirements.lock

clean:  ## remove what setup and runs made
	rm -rf .venv out
