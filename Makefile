# Two commands do everything: `make run` and `make test`. The rest is for developers, see CONTRIBUTING.md.

# The version this program is made for, by its number: without one, npm takes an old one where Node is older than 22.
# To run, a `claude` on the search path, or CLAUDE_BIN, goes first.
CLAUDE_VERSION ?= 2.1.332
# The oldest one that is supported: the one that npm takes on Node 20. A part of the suite runs on it as well.
OLDER_CLAUDE_VERSION ?= 2.1.197
INSTALLED = $$(ls $(CURDIR)/.agent/$(1)/node_modules/@anthropic-ai/claude-code-linux-*/claude 2>/dev/null | head -n 1)
FIND_CLAUDE := $${CLAUDE_BIN:-$$(command -v claude || echo $(call INSTALLED,$(CLAUDE_VERSION)))}
# The tests of what differs from version to version: the gate, modes, parking, money, import and files.
ON_OLDER := allowances background budgets file_changes forks gateway guard import limits mcp_servers metering modes parking plugins \
	requests skills turn_control

# Checks dependencies; built once, in a minute or two.
DENY_VERSION := 0.20.2
DENY := target/tools/$(DENY_VERSION)/bin/cargo-deny

# Finds dependencies that nothing uses; built once, in a minute.
MACHETE_VERSION := 0.9.2
MACHETE := target/tools/machete-$(MACHETE_VERSION)/bin/cargo-machete

# Finds misspelled words. To build it takes minutes, so the program comes from PyPI where there is pip.
TYPOS_VERSION := 1.52.0
TYPOS := target/tools/typos-$(TYPOS_VERSION)/bin/typos

SUDO := $(shell test $$(id -u) = 0 || echo sudo)
PAGES := web/ui/dist/index.html
CLIENTS := tests/clients/typescript/node_modules/.package-lock.json tests/clients/python/venv/installed \
	tests/clients/mcp/node_modules/.package-lock.json

.PHONY: run test test-ui check bench deny machete typos fmt doc ui claude tested-claude older-claude tools clients openapi release clean

# Starts the server on http://127.0.0.1:8000; docs/settings.md has the settings. Unless WORKING_DIR is set, agents
# work in workspace/: here they could change what the next `make run` builds and runs.
run: claude $(PAGES)
	cargo build --locked --workspace --bins
	@export CLAUDE_BIN="$(FIND_CLAUDE)"; \
		grep -qs '^ *WORKING_DIR=' .env || { mkdir -p workspace && export WORKING_DIR="$${WORKING_DIR:-workspace}"; }; \
		exec target/debug/claude-runner serve

# Installs what the tests need, then runs all of them; with T=name only those tests whose name has that in it.
test: tools clients tested-claude older-claude $(PAGES)
ifeq ($(T),)
	cargo fmt --all --check
	cargo build --locked --workspace --bins --tests
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(MAKE) deny machete typos
	RUSTDOCFLAGS="-Dwarnings -Arustdoc::private_intra_doc_links" cargo doc --locked --workspace --no-deps --document-private-items
endif
	export CLAUDE_BIN="$(call INSTALLED,$(CLAUDE_VERSION))" OLDER_CLAUDE_BIN="$(call INSTALLED,$(OLDER_CLAUDE_VERSION))"; \
		cargo test --locked --workspace --no-fail-fast -- --test-threads=3 $(T); newest=$$?; \
		export CLAUDE_BIN="$$OLDER_CLAUDE_BIN"; \
		cargo test --locked --workspace --test it -- --test-threads=3 $(or $(T),$(ON_OLDER) --skip trust_limits) && exit $$newest
ifeq ($(T),)
	$(MAKE) test-ui
endif

# Lints and unit tests of the UI, and flows in a browser against the server that was built before.
test-ui: tools tested-claude $(PAGES)
	cd web/ui && npm run lint && npm test
	export CLAUDE_BIN="$(call INSTALLED,$(CLAUDE_VERSION))"; cd web/ui && npm run e2e

# What takes minutes: format, lints, and the tests that start neither the server nor an agent.
check: $(PAGES)
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(MAKE) machete typos
	cargo test --locked --workspace --lib -- --test-threads=3
	cd web/ui && npm run lint && npm test

# Measures the figures that docs/figures.md states.
bench: claude $(PAGES)
	cargo build --locked --release --workspace --bins
	export CLAUDE_BIN="$(FIND_CLAUDE)"; cargo bench --locked --workspace --bench figures

# Advisories, licences and sources of the dependencies, without a network.
deny: $(DENY)
	tests/advisories/check $(DENY)

$(DENY):
	cargo install --locked --debug --version $(DENY_VERSION) --root target/tools/$(DENY_VERSION) cargo-deny

# Dependencies that nothing uses.
machete: $(MACHETE)
	$(MACHETE)

$(MACHETE):
	cargo install --locked --debug --version $(MACHETE_VERSION) --root target/tools/machete-$(MACHETE_VERSION) cargo-machete

# Misspelled words in code and pages; .typos.toml has those that are meant.
typos: $(TYPOS)
	$(TYPOS) --config .typos.toml

$(TYPOS):
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
		--only-binary :all: --target target/tools/typos-$(TYPOS_VERSION) typos==$(TYPOS_VERSION) || \
		cargo install --locked --debug --version $(TYPOS_VERSION) --root target/tools/typos-$(TYPOS_VERSION) typos-cli

fmt:
	cargo fmt --all

doc:
	cargo doc --locked --workspace --no-deps --open

# The pages that are built into the server.
ui: $(PAGES)

$(PAGES): $(shell find web/ui \( -name node_modules -o -name dist -o -name tests -o -name tools \) -prune -o -type f -print)
	cd web/ui && npm ci && npm run build
	touch $@

# The claude program, unless there is one.
claude:
	@test -x "$(FIND_CLAUDE)" || $(MAKE) tested-claude

tested-claude:
	@test -x "$(call INSTALLED,$(CLAUDE_VERSION))" || \
		npm install --no-audit --no-fund --prefix .agent/$(CLAUDE_VERSION) @anthropic-ai/claude-code@$(CLAUDE_VERSION)

older-claude:
	@test -x "$(call INSTALLED,$(OLDER_CLAUDE_VERSION))" || \
		npm install --no-audit --no-fund --prefix .agent/$(OLDER_CLAUDE_VERSION) @anthropic-ai/claude-code@$(OLDER_CLAUDE_VERSION)

# A browser, a file system for losing power on, the sandbox for agents, a proxy, what the generated Python client
# runs in, and what the lines of the README are pasted into. The package of nginx starts it; the tests start their own.
tools:
	@command -v chromium >/dev/null && command -v bwrap >/dev/null && test -x /usr/sbin/mkfs.ext4 && \
		test -x /usr/sbin/nginx && command -v jq >/dev/null && \
		python3 -c 'import ensurepip, venv' 2>/dev/null || \
		{ $(SUDO) apt-get update && \
		$(SUDO) apt-get install -y --no-install-recommends chromium e2fsprogs bubblewrap nginx-light python3-venv jq; }

# Generators of clients, which show that the OpenAPI document is fit for them, and an MCP server.
clients: $(CLIENTS)

tests/clients/%/node_modules/.package-lock.json: tests/clients/%/package-lock.json
	cd $(@D)/.. && npm ci --no-audit --no-fund
	touch $@

tests/clients/python/venv/installed: tests/clients/python/requirements.txt | tools
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --no-deps -r $<
	touch $@

# Writes the committed OpenAPI document anew, and the types that the UI has from it.
openapi:
	cargo run --locked --quiet --bin claude-runner -- openapi > web/openapi.json
	web/ui/tools/openapi/gen.sh

# The programs as they are shipped.
release: $(PAGES)
	cargo build --locked --release --workspace --bins

clean:
	rm -rf target .agent web/ui/dist web/ui/node_modules web/ui/tools/*/node_modules tests/clients/*/node_modules tests/clients/*/venv
