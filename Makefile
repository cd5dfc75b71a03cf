# SPDX-License-Identifier: Apache-2.0
# A thin front for meson: every target may be run at any time, twice, on a machine that only has git and make.

B ?= build
T ?= 60
N ?= 500
# The observation store's library: fetched (pinned, from npm), system, or disabled.
DUCKDB ?= fetched
export DUCKDB

.DEFAULT_GOAL := build
.PHONY: build run shots report kill-test test bench fuzz lint format data deb deb-test clean help

build: ## build/noroshi and build/noroshi-sensor, and the address data they use
	@tools/setup build
	@tools/fetch-duckdb
	@tools/configure $(B) -Dduckdb=$(DUCKDB)
	@tools/ninja $(B) noroshi noroshi-sensor
	@tools/fetch-data $(B) --optional
	@tools/build-web $(B) --optional

run: build ## a hub with a sample network of three sensors, until Ctrl-C; with PCAP=file NET=prefix the report of that
	@if [ -n "$(PCAP)" ]; then tools/run-report $(B) "$(PCAP)" "$(NET)"; else tools/run-hub $(B); fi

shots: build ## photograph every view of the console, both languages, light and dark, into $(B)/shots
	@tools/setup test
	@tests/e2e/test_console.py --shots $(B)/shots

report: build ## the report of a capture: PCAP=file NET=prefix, or of a generated sample hour
	@tools/run-report $(B) "$(PCAP)" "$(NET)"

kill-test: build ## kill a hub N=500 times while it works; ends with its counts, adds them to docs/results/kills.tsv
	@NOROSHI_BUILD_ROOT=$(abspath $(B)) tests/e2e/kill_hub.py $(N) --results docs/results/kills.tsv

test: ## every test; ends with the line `N passed, N failed`
	@tools/setup build test
	@tools/fetch-duckdb
	@tools/configure $(B) -Dtests=enabled -Dduckdb=$(DUCKDB)
	@tools/ninja $(B)
	@tools/fetch-data $(B) --optional
	@tools/build-web $(B) --optional
	@tools/run-tests $(B) $(TESTS)

deb: ## Debian packages of hub and sensor, of what is committed, in build-deb/
	@tools/setup build deb
	@tools/make-deb

deb-test: deb ## install, use, upgrade, remove and purge them in a clean Debian 12 of their own (root, network)
	@tests/packaging/run build-deb

bench: build ## measure speed and memory against references, on this machine
	@tools/setup bench
	@tools/run-bench $(B)

fuzz: ## run each fuzz target T=60 seconds of processor time (ONLY=name for one of them)
	@tools/setup build fuzz
	@tools/run-fuzz $(T) $(ONLY)

lint: ## formatting, clang-tidy, layers, style, man pages, hardening of the binaries
	@tools/setup build test lint
	@tools/fetch-duckdb
	@tools/configure $(B) -Dtests=enabled -Dduckdb=$(DUCKDB)
	@tools/ninja $(B)
	@tools/lint $(B)

format: ## let clang-format rewrite the sources
	@tools/setup lint
	@git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

data: ## fetch the address data (npm) and build the prefix file
	@tools/setup build
	@tools/fetch-duckdb
	@tools/configure $(B) -Dduckdb=$(DUCKDB)
	@tools/ninja $(B) noroshi
	@tools/fetch-data $(B)

clean: ## remove what was built; fetched data stays (data-sources/node_modules)
	rm -rf build build-asan build-tsan build-clang build-fuzz

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 16
