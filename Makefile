# `make run`, `make demo` and `make test` are all that a fresh machine needs: python3 >= 3.11 and make.
# Each builds .venv from pinned, hashed requirements first; the stamp makes the second time quick.
PYTHON ?= python3
export PIP_DISABLE_PIP_VERSION_CHECK = 1
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help venv run demo test bench lint types check pins clean

help:            ## what can be made
	@sed -n 's/^\([a-z]*\): .*## /  make \1\t/p' Makefile

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python3 >= 3.11 is needed; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

venv: $(STAMP)   ## .venv from the pinned requirements, nothing else

run: $(STAMP)    ## serve config.toml if there is one, else the example, on 127.0.0.1:8080
	@set -a; [ ! -f .env ] || . ./.env; set +a; \
	if [ -f config.toml ]; then exec $(BIN)/python -m app serve -c config.toml --host 127.0.0.1 --port 8080; fi; \
	echo "no config.toml: serving config.example.toml with the token \"$${PLIVO_AUTH_TOKEN:=demo-token}\""; \
	export PLIVO_AUTH_TOKEN; exec $(BIN)/python -m app serve -c config.example.toml --host 127.0.0.1 --port 8080

demo: $(STAMP)   ## a signed conversation against a real service, judged
	@$(BIN)/python docs/demo.py

test: $(STAMP)   ## every test, with branch coverage
	@$(BIN)/python -m pytest --cov -n auto --maxprocesses 4 --dist loadfile

bench: $(STAMP)  ## figures, as ratios within one run
	@broken=; for bench in writer forward hanging replicas targets kill; do \
	echo "== $$bench"; $(BIN)/python bench/$$bench.py || broken="$$broken $$bench"; done; \
	[ -z "$$broken" ] || { echo "a promise is broken:$$broken"; exit 1; }

lint: $(STAMP)   ## ruff, all rules
	@$(BIN)/python -m ruff check . && $(BIN)/python -m ruff format --check .

types: $(STAMP)  ## mypy --strict over app and tests
	@$(BIN)/python -m mypy

pins:            ## write the requirement files anew (needs uv)
	uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --extra postgres -o requirements/service.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --group build -c requirements/service.txt -o requirements/build.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml --group dev -c requirements/service.txt -o requirements/dev.txt

clean:           ## remove what was built
	rm -rf .venv .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
