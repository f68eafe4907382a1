# SPDX-License-Identifier: GPL-2.0-or-later
# The boot program with glibc, sanitizers, and the fuzzers: replayed by `make check`, run by
# `make fuzz SECONDS=60`, which is for all of them together.

SECONDS = 60
CLANG = clang

fuzzers := $(patsubst test/fuzz/fuzz-%.c,%,$(wildcard test/fuzz/fuzz-*.c))
replays := $(fuzzers:%=$B/fuzz/replay-%)
sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# What the tests hold the boot program against.
$B/vfio-early-boot-glibc: $(host_core) $(boot:src/%.c=$B/host/%.o)
	$(call say,LINK)
	$Q$(CC) $(CFLAGS) $(host_link) $(LDFLAGS) -o $@ $^

# The core with sanitizers, for the corpora and for the unit tests.
asan_core := $(core:src/%.c=$B/asan/%.o)

# What one of them needs of the host program.
import_sources := $(addprefix src/cli/,machine/card.c machine/resolver.c lib/printable.c) \
	$(filter-out src/cli/import/leftovers.c,$(wildcard src/cli/import/*.c))
$B/fuzz/replay-import: $(import_sources:src/%.c=$B/asan/%.o)
$B/fuzz/fuzz-import: $(import_sources)
$B/fuzz/replay-import $B/fuzz/fuzz-import: common += -Isrc/cli $(shell $(PKG_CONFIG) --cflags libxml-2.0)
$B/fuzz/replay-import $B/fuzz/fuzz-import: fuzz_link = -lkmod -lxml2

$B/asan/%.o: src/%.c Makefile
	$(call say,CC)
	@mkdir -p $(@D)
	$Q$(CC) $(common) -O1 -g $(sanitize) $(depend) -c -o $@ $<

$B/unit/asan/%: test/unit/%.c $(asan_core)
	$(call say,CC)
	@mkdir -p $(@D)
	$Q$(CC) $(common) -O1 -g $(sanitize) $(depend) -Itest/unit -o $@ $< $(asan_core) -lcmocka

# The corpora once, with the compiler that is there anyway.
$B/fuzz/replay-%: test/fuzz/fuzz-%.c test/fuzz/replay.c test/fuzz/fuzz.h $(asan_core)
	$(call say,CC)
	@mkdir -p $(@D)
	$Q$(CC) $(common) -O1 -g $(sanitize) -o $@ $(filter %.c %.o,$^) $(fuzz_link)

$B/fuzz/fuzz-%: test/fuzz/fuzz-%.c test/fuzz/fuzz.h $(core) $(wildcard src/*/*.h src/cli/*/*.h)
	$(call say,CLANG)
	@mkdir -p $(@D)
	$Q$(CLANG) $(common) -O1 -g $(sanitize) -fsanitize=fuzzer -o $@ $(filter %.c,$^) $(fuzz_link)

units: $B/vfio-early-boot-glibc $(replays) $(unit:test/unit/%.c=$B/unit/asan/%)

fuzz: all $B/vfio-early-boot-glibc
	@test/install-packages clang libclang-rt-dev
	@$(MAKE) --no-print-directory $(fuzzers:%=$B/fuzz/fuzz-%)
	$Q$(PYTHON) -B test/fuzz/fuzz.py $(SECONDS) $B/fuzz $(fuzzers)

.PHONY: fuzz
