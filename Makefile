# hotreload: the targets that people and CI use. `make help` lists them.

GO         ?= go
BIN        := bin/hotreload
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# Not a tool directive in go.mod: what a tool requires would be in the module graph of everybody
# who imports watcher, builder or runner, and could raise the versions that they get.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
DEADCODE    := golang.org/x/tools/cmd/deadcode@v0.52.0
ACTIONLINT  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
VULNCHECK   := golang.org/x/vuln/cmd/govulncheck@v1.9.0
TESTFLAGS  ?=
# Packages tested at once: one more than processors, because many tests wait.
PACKAGES   := $(shell echo $$(($$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1)))

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: need-go
need-go:
	@command -v $(firstword $(GO)) >/dev/null || { \
	  echo "error: the go command is not on PATH"; \
	  echo "hint: install Go (https://go.dev/dl), or add its bin directory to PATH"; exit 1; } >&2

.PHONY: build
build: need-go ## build bin/hotreload
	@mkdir -p bin
	$(GO) build -ldflags "-X github.com/hotreload/hotreload/internal/cli.version=$(VERSION)" -o $(BIN) ./cmd/hotreload

.PHONY: install
install: need-go ## install hotreload into GOBIN
	$(GO) install -ldflags "-X github.com/hotreload/hotreload/internal/cli.version=$(VERSION)" ./cmd/hotreload

.PHONY: demo
demo: build ## build hotreload and run it on examples/hello; open the address that it prints
	$(BIN) run --proxy -C examples/hello

.PHONY: test
test: need-go ## the tests, in a few minutes: the longest do fewer rounds, or are skipped by name
	@echo "the results come at the end, because the package that takes longest is started first"
	$(GO) test -p $(PACKAGES) $(TESTFLAGS) -timeout 35m -short ./internal/e2e ./...

.PHONY: ci
ci: need-go ## everything that CI runs: lint, all tests with their coverage, the tests with the race detector, vuln
	@for part in lint cover race; do \
	  begin=$$(date +%s); $(MAKE) --no-print-directory $$part || exit 1; \
	  echo "make $$part: $$(($$(date +%s) - begin)) s"; done
	@if curl -fsS -m 10 -o /dev/null https://vuln.go.dev/index/db.json; then $(MAKE) --no-print-directory vuln; \
	  else echo "make vuln: skipped, because vuln.go.dev does not answer"; fi

# hotreload itself is built with counters for the end-to-end tests, so they count without a second run.
COVER := $(CURDIR)/bin/cover
.PHONY: cover
cover: ## all tests, the long ones in full, and the share of each package that they run
	@rm -rf $(COVER) && mkdir -p $(COVER)/unit $(COVER)/e2e
	GOCOVERDIR=$(COVER)/unit E2E_COVERDIR=$(COVER)/e2e \
	  $(GO) test $(TESTFLAGS) -timeout 35m -cover ./... -args -test.gocoverdir=$(COVER)/unit
	$(GO) tool covdata percent -i=$(COVER)/unit,$(COVER)/e2e

.PHONY: race
race: ## the tests of `make test`, with the race detector
	$(GO) test $(TESTFLAGS) -timeout 35m -race -short ./...

# What no system reaches. The exported functions of watcher, builder and runner are for other programs.
unreached = for os in linux darwin windows; do GOOS=$$os bin/tools/deadcode ./cmd/... | sort -u; done | \
	sort | uniq -c | awk '$$1 == 3 {$$1 = ""; print}' | grep -vE '^ (watcher|builder|runner)/.* func: [A-Z]'

.PHONY: lint
lint: ## gofmt, vet and staticcheck for linux, darwin and windows, deadcode, tidy, the rules of the house; golangci-lint if installed
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	  if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	GOOS=linux $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	GOBIN=$(CURDIR)/bin/tools $(GO) install $(STATICCHECK)
	GOBIN=$(CURDIR)/bin/tools $(GO) install $(DEADCODE)
	GOBIN=$(CURDIR)/bin/tools $(GO) install $(ACTIONLINT)
	bin/tools/actionlint
	@for os in linux darwin windows; do echo "staticcheck for $$os"; GOOS=$$os bin/tools/staticcheck ./... || exit 1; done
	bin/tools/deadcode ./cmd/... >/dev/null
	@dead=$$($(unreached)); if [ -n "$$dead" ]; then echo "no system reaches:$$dead"; exit 1; fi
	@if command -v golangci-lint >/dev/null; then echo golangci-lint run; golangci-lint run; fi
	$(GO) mod tidy -diff
	$(GO) test -count=1 ./internal/house

# Each system has its own: what is reached on one is not compiled on another.
.PHONY: vuln
vuln: need-go ## known vulnerabilities in the code that hotreload reaches (govulncheck asks vuln.go.dev)
	GOBIN=$(CURDIR)/bin/tools $(GO) install $(VULNCHECK)
	for os in linux darwin windows; do GOOS=$$os bin/tools/govulncheck ./cmd/... || exit 1; done

.PHONY: cross
cross: ## compile for every supported platform
	@for p in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64 freebsd/amd64; do \
	  echo "$$p"; GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/hotreload || exit 1; done

FUZZTIME ?= 30s
.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (30s)
	@$(GO) test -list '^Fuzz' ./... | awk '/^Fuzz/{names=names" "$$1} /^ok/{n=split(names,a," "); for(i=1;i<=n;i++) print $$2, a[i]; names=""}' | \
	  while read -r pkg name; do echo "$$pkg $$name"; $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; done

SOAK ?= 5000
SEED ?= 1
.PHONY: soak
soak: ## 5,000 restarts with edits, crashes and kills: nothing may grow
	$(GO) test -count=1 -timeout 3h -v -run TestF6Soak ./internal/e2e -soak $(SOAK) -soak.seed $(SEED)

.PHONY: chaos
chaos: ## the same, shorter (SEED=n for another course)
	$(GO) test -count=1 -timeout 30m -v -run TestF6Soak ./internal/e2e -soak 300 -soak.seed $(SEED)

ROUNDS ?= 2000
.PHONY: exact
exact: ## ROUNDS (2,000) random saves of every kind of input: wait, then ask the program
	$(GO) test -count=1 -timeout 24h -v -run 'TestE12Exact$$' ./internal/e2e -exact.rounds $(ROUNDS) -exact.seed $(SEED)

EDITS ?= 5000
.PHONY: identity
identity: ## the direct engine against go build, byte for byte: EDITS (5,000) random edits of real modules
	$(GO) test -count=1 -timeout 24h -v -run 'TestD1Identity$$' ./internal/direct -identity.edits $(EDITS) -identity.seed $(SEED)

.PHONY: bench
bench: ## figures beside the peers found on PATH (minutes; see bench/README.md)
	$(GO) run ./bench $(BENCHFLAGS)

.PHONY: example
example: ## write .hotreload.toml.example and docs/configuration.md again
	$(GO) test ./internal/config -run 'Example|Docs' -update

.PHONY: pictures
pictures: build ## make the pictures of the README again (needs tmux and chromium)
	$(GO) run ./docs/img -hotreload $(BIN)

.PHONY: clean
clean: ## remove what was built here
	rm -rf bin
