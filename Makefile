# The same words on a laptop and in CI. `make help` lists them.

GO       ?= go
PACKAGES ?= ./...
SOAK     ?= 10m
VERSION  ?= 0.0.0
FUZZTIME ?= 30s

GOLANGCI := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT  := $(GO) run mvdan.cc/gofumpt@v0.12.0
CYCLONEDX := $(GO) run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
DEADCODE := $(GO) run golang.org/x/tools/cmd/deadcode@v0.52.0
VULNCHECK := $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0
COMPOSE  := $(GO) run github.com/compose-spec/compose-go/v2/cmd@v2.16.2
KUBECTL_VALIDATE := $(GO) run sigs.k8s.io/kubectl-validate@v0.0.4

.DEFAULT_GOAL := build
.PHONY: help build test race check lint fmt fmt-check vet archtest deadcode engine demo accuracy bench soak fuzz fuzz-short vulncheck sbom packages check-packages check-manifests man console e2e pictures clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/linewarden
	$(GO) build -buildvcs=false -trimpath -o bin/linewarden ./cmd/linewarden

engine: ## fetch the embedded engine's library, once per user
	@sh deploy/engine/fetch.sh

test: engine ## run every test
	$(GO) test -shuffle=on -count=1 -timeout 20m $(PACKAGES)

race: engine ## run every test with the race detector
	$(GO) test -race -shuffle=on -count=1 -timeout 25m $(PACKAGES)

check: fmt-check vet lint archtest deadcode race ## everything CI checks

fmt: ## format the sources
	$(GOFUMPT) -l -w .

fmt-check:
	@unformatted=$$($(GOFUMPT) -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then echo "run 'make fmt' for:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet $(PACKAGES)

lint: ## run golangci-lint
	$(GOLANGCI) config verify
	$(GOLANGCI) run $(PACKAGES)

archtest: ## check the rules of the repository
	$(GO) test -count=1 ./internal/archtest/

deadcode: ## find functions that nothing reaches
	@dead=$$($(DEADCODE) -test ./...) || exit 1; \
	if [ -n "$$dead" ]; then echo "$$dead"; exit 1; fi

demo: engine build ## play a simulated carrier and print what is found
	./bin/linewarden demo --once

accuracy: engine build ## measure how right the rules are, over five simulated carriers
	./bin/linewarden demo --accuracy 5

bench: engine ## measure decoding, the whole path, routes and audits, beside other programs
	$(GO) test -run '^$$' -bench '^Benchmark(Path|Routes|Audit)$$' -timeout 2h ./cmd/linewarden/
	$(GO) test -run '^$$' -bench '^Benchmark(Insert|RollUp|RouteDay|RouteQuestions)$$' -benchtime 1x -timeout 1h ./storage/

soak: engine ## run the daemon under load and faults for SOAK, and make the page of its figures
	LINEWARDEN_SOAK=$(SOAK) LINEWARDEN_SOAK_RESULTS=testdata/soak.json $(GO) test -v -count=1 -timeout 24h -run '^TestSoak' ./cmd/linewarden/
	LINEWARDEN_UPDATE_GOLDEN=1 $(GO) test -count=1 -run '^TestReferenceReliability$$' ./cmd/linewarden/

fuzz: ## fuzz each target for FUZZTIME
	@set -e; for file in $$(grep -rl --include='*_test.go' '^func Fuzz' .); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$file"); do \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
		done; \
	done

fuzz-short: ## fuzz each target for a second
	$(MAKE) fuzz FUZZTIME=1s

vulncheck: ## look for known vulnerabilities; needs the network
	$(VULNCHECK) ./...

packages: engine console ## build .deb, .rpm, archives and a bundle for machines without a network into dist
	VERSION=$(VERSION) sh deploy/package/build.sh

check-packages: ## install what packages has built in a clean root and start it there; needs root
	sh deploy/package/check.sh

check-manifests: ## check the files of Kubernetes and Compose by their schemas; needs kubectl
	@mkdir -p bin
	kubectl kustomize deploy/kubernetes > bin/manifests.yaml
	$(KUBECTL_VALIDATE) --version 1.30 bin/manifests.yaml
	@for file in compose cluster; do \
		$(COMPOSE) -no-interpolation -no-path-resolution deploy/docker/$$file.yaml >/dev/null || exit 1; \
	done

sbom: ## write the bills of materials (CycloneDX) and checksums into dist; needs npm
	@mkdir -p dist
	$(CYCLONEDX) mod -json -output dist/linewarden.cdx.json
	cd console/web && npm sbom --sbom-format cyclonedx --omit dev --package-lock-only > ../../dist/linewarden-console.cdx.json
	@cd dist && find . -type f ! -name SHA256SUMS -exec sha256sum {} + | sort -k2 > SHA256SUMS

CONSOLE_SOURCES := $(shell find console/web -name node_modules -prune -o -name dist -prune -o -path console/web/e2e -prune -o -type f ! -name schema.ts -print) $(wildcard console/manual/images/*) console/openapi.yaml report/names.json

console: console/web/dist/index.html ## build the console that `make build` embeds; needs Node and npm

console/web/node_modules/.package-lock.json: console/web/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node 20.19 or newer to build the console; without it the binary has plain pages in its place"; exit 1; }
	cd console/web && npm ci
	@touch $@

console/web/dist/index.html: $(CONSOLE_SOURCES) console/web/node_modules/.package-lock.json
	cd console/web && npm run build
	@touch $@

e2e: engine console build ## try the console in Chromium against the demo
	cd console/web && npm run e2e -- ../../bin/linewarden

pictures: engine console build ## take the pictures of the manual anew, from the demo
	cd console/web && npm run pictures -- ../../bin/linewarden

man: build ## write man pages into bin/man
	@bin/linewarden manual man bin/man

clean: ## remove what was built
	rm -rf bin dist coverage.out
