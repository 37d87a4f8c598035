# Two commands do everything: `make demo` and `make test`. The rest is for people who work on Handrail.
PYTEST = .venv/bin/python -m pytest
# One more than there are processors: half of its time a worker waits for what other programs do.
WORKERS ?= $(shell expr $$(nproc) + 1)
# Where it is set, each of the hundreds of short programs would compile all of Handrail anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo man test test-slow attacks lint web-tests read-tests order unit integration fuzz bench bench-encoders bench-list bench-screens bench-trust bench-wan soak screens prepare-test lock clean

demo: ## a live desktop through a relay that cannot read it (CHECK=1 plays the technician and checks; DISPLAY_TO_SHARE=:0 shares a real one)
	@scripts/prepare demo
	@.venv/bin/python -m tests.demo $(if $(CHECK),--check)

test: ## everything: style, types, JavaScript, unit, loopback, integration with real processes
	@scripts/prepare test
	@$(MAKE) --no-print-directory --jobs=2 --output-sync lint web-tests read-tests
	@.venv/bin/python -m tests.run -q -m 'not slow' -n $(WORKERS) --dist loadfile --no-loadscope-reorder -o junit_family=xunit1 --junitxml=build/tests.xml

test-slow: ## proofs that take minutes: gigabytes over a link that is cut, long recordings
	@scripts/prepare test
	@$(PYTEST) -q -m slow tests/slow

attacks: ## every row of protocol/THREATS.md, then each once more with its control taken away
	@scripts/prepare test
	@$(PYTEST) -q tests/attacks --without-controls -n $(WORKERS) --dist loadfile
	@$(PYTEST) -q tests/attacks -n $(WORKERS) --dist loadfile

fuzz: ## coverage-guided, each parser in turn: make fuzz MINUTES=10 (TARGET=frames for one)
	@scripts/prepare test
	@.venv/bin/python -m pip install --quiet --require-hashes --requirement requirements/fuzz.txt
	@.venv/bin/python -m tests.fuzz $(TARGET) --minutes $(or $(MINUTES),10)

lint: ## ruff, mypy --strict, tsc --checkJs
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@if [ -f tsconfig.json ]; then node_modules/.bin/tsc --project tsconfig.json; fi

web-tests: ## the console's JavaScript, by Node.js
	@node --test $(wildcard tests/web/*.test.js)

read-tests: ## once, before several workers read them: the first who does compiles them and rewrites their asserts (errors are said later)
	@$(PYTEST) --collect-only -qq -m 'not slow' >/dev/null || true

order: ## notes which files took long in the last `make test`, so that they come first in the next (tests/order.py)
	@.venv/bin/python -m tests.order

bench: bench-screens bench-trust bench-list ## every benchmark

bench-screens: ## source pixel to viewer pixel, beside x0vncserver (PEERS=1: beside every peer; WORKLOADS=own: a terminal, a browser, a conference, an editor, a sheet)
	@scripts/prepare bench
	@.venv/bin/python -m tests.bench.screens $(if $(PEERS),--peers) $(if $(WORKLOADS),--workloads $(WORKLOADS))

bench-trust: ## handshakes, opening a session, the audit chain; beside plain TLS in the same run
	@scripts/prepare test
	@.venv/bin/python -m tests.bench.trust

bench-list: ## the console's list of ten thousand devices: frames while it is scrolled, first row, a keystroke of the search
	@scripts/prepare bench
	@.venv/bin/python -m tests.bench.device_list

bench-encoders: ## what a film's picture costs by each encoder at hand: milliseconds, bytes, nearness
	@scripts/prepare bench
	@.venv/bin/python -m tests.bench.encoders $(if $(PICTURES),--pictures $(PICTURES))

soak: ## an hour of mixed work: the memory of agent, relay and client must not grow (MINUTES=20)
	@scripts/prepare bench
	@.venv/bin/python -m tests.bench.soak --minutes $(or $(MINUTES),60)

bench-wan: ## the same over slow links from a seed, beside TigerVNC: typing, scrolling, echo beside a film, after an outage
	@scripts/prepare bench
	@.venv/bin/python -m tests.bench.wan

screens: ## pictures of every page and dialog of the console and of every window of the user, light and dark, into build/screens/
	@scripts/prepare test
	@.venv/bin/python -m tests.screens $(ONLY)
	@$(if $(ONLY),,.venv/bin/python -m tests.screens.desktop)

man: ## manual pages of the three commands, from their own help, in build/man
	@scripts/prepare test
	@.venv/bin/python scripts/man build/man

prepare-test:
	@scripts/prepare test

lock: ## hashed locks from pyproject.toml
	@scripts/lock

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache
