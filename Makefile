# `make run`, `make demo` and `make test` are all that a fresh machine needs: python3 >= 3.11 and make.
# They build .venv from complete, pinned and hashed requirement files. Complete means that pip resolves nothing
# (--no-deps), so no later release of any package can break the set-up; `pip check` confirms that nothing is missing.
PYTHON ?= python3
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYTHONDONTWRITEBYTECODE = # empty: from bytecode the tests are read in half the time
BIN := .venv/bin
SERVICE := .venv/.service
SBOM := .venv/.sbom
DEV := .venv/.dev
BENCH := .venv/.bench

# $(call install,FILES): what the files pin, with a word before pip's minute of silence.
pinned = $(shell cat $(1) | grep -c '==')
install = echo "installing $(pinned) packages into .venv (first time: a minute or two) .." && \
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes $(foreach file,$(1),-r $(file)) && \
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . && \
	$(BIN)/python -m pip check --quiet

.PHONY: help venv run demo demo-console test coverage test-fast test-system pictures bench lint types reference pins sbom clean

help:            ## what can be made
	@sed -n 's/^\([a-z-]*\): .*## /  make \1\t/p' Makefile

$(SERVICE): requirements/service.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python3 >= 3.11 is needed; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
	@$(call install,requirements/service.txt requirements/build.txt)
	@touch $(SERVICE)

$(DEV): $(SERVICE) requirements/dev.txt
	@$(call install,requirements/dev.txt)
	@touch $(DEV)

$(SBOM): $(SERVICE) requirements/sbom.txt
	@$(call install,requirements/sbom.txt)
	@touch $(SBOM)

$(BENCH): $(SERVICE) requirements/bench.txt
	@$(call install,requirements/bench.txt)
	@touch $(BENCH)

venv: $(SERVICE) ## .venv with what the service needs, nothing else

run: $(SERVICE)  ## serve config.toml if there is one; else try the example with `dev`; on 127.0.0.1:8080
	@if [ -f config.toml ]; then exec $(BIN)/python -m app serve -c config.toml --host 127.0.0.1 --port 8080; fi; \
	echo "no config.toml: trying config.example.toml; $(BIN)/plivo-autoreply init writes a file of your own"; \
	exec $(BIN)/python -m app dev -c config.example.toml --port 8080

demo: $(SERVICE) ## a signed conversation against a real service, judged; ARGS=-v for details
	@$(BIN)/python docs/demo.py $(ARGS)

demo-console: $(SERVICE) ## the same, and then its console in a browser
	@$(BIN)/python docs/demo.py --console

test: $(DEV)     ## every test
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

coverage: $(DEV) ## the same, with branch coverage, which takes half as long again
	@$(BIN)/python -m pytest --cov -n 4 --dist loadfile --no-loadscope-reorder

test-fast: $(DEV) ## the tests that start no process: most of them, in about a minute
	@$(BIN)/python -m pytest --one-process -n 4 --dist loadfile --no-loadscope-reorder

test-system: $(DEV) ## what needs Debian's Chromium, nginx, Caddy, promtool, Node and PHP
	@$(BIN)/python -m pytest tests/system -n 2 --dist loadfile

pictures: $(DEV) ## the console's pictures in README and docs, taken by its tests in Chromium
	@mkdir -p docs/images
	@PICTURES=docs/images $(BIN)/python -m pytest tests/system/console -k accessible

bench: $(BENCH)  ## figures, as ratios within one run
	@broken=; for bench in throughput growth footprint writer forward hanging replicas targets kill reloads console; do \
	echo "== $$bench"; $(BIN)/python bench/$$bench.py || broken="$$broken $$bench"; done; \
	[ -z "$$broken" ] || { echo "a promise is broken:$$broken"; exit 1; }

lint: $(DEV)     ## ruff, all rules
	@$(BIN)/python -m ruff check . && $(BIN)/python -m ruff format --check .

types: $(DEV)    ## mypy --strict over app and tests
	@$(BIN)/python -m mypy

compile = uv pip compile --quiet --upgrade --universal --generate-hashes --no-strip-extras --no-header --python-version 3.11

reference: $(DEV) ## write the pages of docs/reference/ that are made from the code
	@cd docs && ../$(BIN)/python -m generate

sbom: $(SBOM)    ## the bill of materials of what the service installs, in CycloneDX: dist/sbom.cdx.json
	@rm -rf dist/sbom && $(PYTHON) -m venv --without-pip dist/sbom
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist/sbom .
	@$(BIN)/python -m pip --python dist/sbom/bin/python install --quiet --no-deps --require-hashes -r requirements/service.txt
	@$(BIN)/python -m pip --python dist/sbom/bin/python install --quiet --no-deps dist/sbom/*.whl
	@$(BIN)/cyclonedx-py environment --output-reproducible --sv 1.6 -o dist/sbom.cdx.json dist/sbom/bin/python
	@rm -rf dist/sbom && echo dist/sbom.cdx.json

pins:            ## write the requirement files anew (needs uv)
	$(compile) pyproject.toml --extra postgres -o requirements/service.txt
	$(compile) --group build -o requirements/build.txt
	for group in bench dev; do \
	$(compile) pyproject.toml --group $$group -c requirements/service.txt -c requirements/build.txt -o requirements/$$group.txt; done
	$(compile) --group sbom -c requirements/dev.txt -o requirements/sbom.txt

clean:           ## remove what was built
	rm -rf .venv .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
