# SPDX-License-Identifier: GPL-2.0-or-later
# What reads the sources without running them: `make lint`, which is a part of `make check`. A source
# is analysed again when it, or a header that it includes, has changed.

# Data, and what is generated or foreign, is not checked for its form.
lint_left_out := ./.git ./$B ./LICENSE ./test/fuzz/corpus ./test/golden ./test/import ./test/machines \
	./test-vm/traces ./doc/benchmarks
lint_files = $(sort $(shell find . \( -name __pycache__ -o -name .pytest_cache \
	$(lint_left_out:%=-o -path %) \) -prune -o -type f -print))
lint_c = $(filter %.c %.h,$(lint_files))
lint_shell = $(shell grep -lE '^\#!/bin/(ba)?sh|^\# shellcheck shell=' \
	$(filter-out %.c %.h %.py %.mk %.md,$(lint_files)))
lint_python = $(filter %.py,$(lint_files))

# Leaks are left to the sanitizer and to valgrind: gcc takes memory that an array owns for lost, and
# standard input for a descriptor that has to be closed.
analyzer := -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-file-leak -Wno-analyzer-fd-leak

# NULL is a pointer in both C libraries. The next three are in one place each: array_grow(), whose
# caller still owns the array; number_format(), whose base is never 0, and the text it wrote. The
# last is not a finding: it says that cppcheck did not try every branch.
cppcheck := --enable=warning,performance,portability --inline-suppr \
	$(addprefix --suppress=,varFuncNullUB memleakOnRealloc:src/core/util.c \
	zerodivcond:src/core/util.c uninitvar:src/core/text.c normalCheckLevelMaxBranches)

# Other versions of clang-format format a few lines differently. Debian 12 has this one.
reference := 14

analysed := $(wildcard src/*/*.c src/cli/*/*.c)
language = $(filter-out -W%,$(host_flags))
lint := format tidy analyzer cppcheck shell python whitespace spelling

lint:
	@test/install-packages $(packages_lint)
	@$(MAKE) --no-print-directory --keep-going --output-sync \
		$(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) $(lint:%=lint-%)
	@echo "lint: passed"

lint-and-go-on: deps all
	@mkdir -p $B/lint && rm -f $B/lint/failed
	@$(MAKE) --no-print-directory lint || touch $B/lint/failed

lint-format:
	$(call say,LINT)
	$Qversion=$$(clang-format --version | sed 's/.*version \([0-9]*\).*/\1/'); \
	if [ "$$version" = $(reference) ]; then clang-format --dry-run -Werror $(lint_c); else \
	echo "lint-format: skipped: clang-format is version $$version, the reference is $(reference)"; fi

# Formats the C files in place.
format:
	clang-format-$(reference) -i $(lint_c)

lint-tidy: $(analysed:src/%=$B/lint/tidy/%)
lint-analyzer: $(analysed:src/%=$B/lint/analyzer/%)

# An object is made anew whenever its source or one of its headers has changed.
$B/lint/tidy/%.c: $B/host/%.o .clang-tidy
	$(call say,TIDY)
	@mkdir -p $(@D)
	$Qclang-tidy --quiet src/$*.c -- $(language) >$@.log 2>&1 || { cat $@.log; exit 1; }
	@touch $@

$B/lint/analyzer/%.c: $B/host/%.o
	$(call say,ANALYZE)
	@mkdir -p $(@D)
	$Q$(CC) $(language) -O2 $(analyzer) -Werror -c -o $@ src/$*.c

lint-cppcheck:
	$(call say,LINT)
	$Qcppcheck --quiet --error-exitcode=1 $(cppcheck) -D_GNU_SOURCE '-DVERSION="0"' \
		-Isrc/core -Isrc/cli src

lint-shell:
	$(call say,LINT)
	$Qshellcheck $(lint_shell)

lint-python:
	$(call say,LINT)
	$Q$(PYTHON) -B -m flake8 --jobs=1 $(lint_python)

lint-whitespace:
	$(call say,LINT)
	$Q$(PYTHON) -B test/lint/whitespace.py $(filter-out %.png %.xz,$(lint_files))

lint-spelling:
	$(call say,LINT)
	$Qcodespell $(filter-out %.png %.xz %.svg,$(lint_files))

.PHONY: lint lint-and-go-on format $(lint:%=lint-%)
