.DEFAULT_GOAL := help
.PHONY: help up test coverage mutants bench fuzz faults lint types schemas compatible release-schemas migration lock sbom audit demo-reset clean setup compose-up compose-down compose-check

# Where the environment forbids it (many containers do), each of the hundreds of processes would compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
DATA ?= .ntm
ARGS ?=
SEED ?= 1
FAULTS ?= 100
REQUIREMENTS ?= requirements
# Compiled the same for every Python and system that the project supports; names no index, no path.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what the lock file says into .venv (the others do it themselves)
	@deploy/bootstrap

up: setup ## Start the whole system with the sample year; options in ARGS, e.g. ARGS=--instant
	@exec $(BIN)/ntm up --sample --data $(DATA) $(ARGS)

test: setup ## Run the tests; options in ARGS, e.g. ARGS="tests/unit -x"
	@exec $(BIN)/pytest $(ARGS)

coverage: setup ## Report which lines and branches of the pure rooms the unit tests reach, in a few minutes
	@deploy/uv pip install --quiet --require-hashes --requirement $(REQUIREMENTS)/reach.txt
	@$(BIN)/coverage run -m pytest --numprocesses=0 $(or $(ARGS),tests/unit/intake tests/unit/scoring tests/unit/notify tests/unit/shared)
	@$(BIN)/coverage report

mutants: setup ## Change judging and routing in a copy, and name the changes that no unit test notices, in half an hour or more
	@deploy/uv pip install --quiet --require-hashes --requirement $(REQUIREMENTS)/reach.txt
	@rm -rf mutants
	@$(BIN)/mutmut run
	@$(BIN)/mutmut results

bench: setup ## Measure each service beside the raw limits and its peers, in about an hour
	@rm -rf .bench
	@deploy/uv pip install --quiet --require-hashes --requirement $(REQUIREMENTS)/bench.txt
	@$(BIN)/python -m tests.bench.intake
	@$(BIN)/python -m tests.bench.naive
	@$(BIN)/python -m tests.bench.celery_peer
	@$(BIN)/python -m tests.bench.scoring
	@$(BIN)/python -m tests.bench.takeover
	@$(BIN)/python -m tests.bench.asking
	@$(BIN)/python -m tests.bench.boards
	@$(BIN)/python -m tests.bench.notify
	@$(BIN)/python -m tests.bench.workers
	@$(BIN)/python -m tests.bench.costs

fuzz: setup ## Send every door of intake bad input; ARGS="--door json --count 100000"
	@exec $(BIN)/python -m tests.fuzz $(ARGS)

faults: setup ## Strike every part under load, check that nothing is lost or wrong: SEED=2 FAULTS=1000 ARGS="--kind killed"
	@exec $(BIN)/python -m tests.faults --seed $(SEED) --faults $(FAULTS) $(ARGS)

lint: setup ## Check style, format and the borders between the packages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: setup ## Check the types, and that each name the tests use exists
	$(BIN)/mypy

schemas: setup ## Write the contracts' documents: JSON Schemas, AsyncAPI, OpenAPI
	@$(BIN)/python -m shared.contract_documents.write
	@$(BIN)/python -m services.cli.openapi shared/contract_documents/schemas

compatible: setup ## Check that the contracts break nothing that was promised to others
	@$(BIN)/python -m shared.contract_documents.release

release-schemas: schemas ## Promise the contracts as they are now
	@$(BIN)/python -m shared.contract_documents.release release

migration: setup ## Draft a migration from the tables: SERVICE=scoring NAME="what it does", beside a running system
	@$(BIN)/ntm draft-migration $(SERVICE) "$(NAME)" --data $(DATA)

lock: setup ## Compile requirements/ from pyproject.toml, keeping the pinned versions that still fit
	$(COMPILE) --extra intake --extra scoring --extra notify --extra cli --output-file $(REQUIREMENTS)/services.txt $(ARGS)
	$(COMPILE) --all-extras --group dev --output-file $(REQUIREMENTS)/dev.txt $(ARGS)
	$(COMPILE) --group release --constraint $(REQUIREMENTS)/dev.txt --output-file $(REQUIREMENTS)/release.txt $(ARGS)
	$(COMPILE) --group bench --constraint $(REQUIREMENTS)/dev.txt --output-file $(REQUIREMENTS)/bench.txt $(ARGS)
	$(COMPILE) --group reach --constraint $(REQUIREMENTS)/dev.txt --output-file $(REQUIREMENTS)/reach.txt $(ARGS)

sbom: setup ## Write what runs in production, with licences, to sbom.cdx.json (CycloneDX)
	@$(BIN)/uv venv --quiet --python $(BIN)/python --clear .release/runs && $(BIN)/uv venv --quiet --python $(BIN)/python --clear .release/tools
	@deploy/uv pip install --quiet --require-hashes --python .release/runs --requirement $(REQUIREMENTS)/services.txt
	@deploy/uv pip install --quiet --require-hashes --python .release/tools --requirement $(REQUIREMENTS)/release.txt
	@.release/tools/bin/cyclonedx-py environment .release/runs --pyproject pyproject.toml --output-reproducible --output-file sbom.cdx.json

audit: setup ## Ask OSV for advisories about what runs in production (needs the internet)
	@$(BIN)/uv venv --quiet --python $(BIN)/python --clear .release/tools
	@deploy/uv pip install --quiet --require-hashes --python .release/tools --requirement $(REQUIREMENTS)/release.txt
	@.release/tools/bin/pip-audit --disable-pip --require-hashes --vulnerability-service osv --requirement $(REQUIREMENTS)/services.txt

demo-reset: ## Remove the data of the local system
	rm -rf $(DATA)

compose-up: ## Start the system in containers, the first time with the settings of a demonstration
	@deploy/write-env .env
	docker compose up --build --detach --wait --remove-orphans $(ARGS)

compose-down: ## Stop the containers; their data stay, unless ARGS=--volumes
	docker compose --profile demo down $(ARGS)

compose-check: setup ## Try docker-compose.yml for real, beside whatever runs
	@tests/containers/run

clean: ## Remove what make has installed and cached
	rm -rf .venv .uv .coverage mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find services shared deploy tests -name __pycache__ -type d -prune -exec rm -rf {} +
