# SPDX-License-Identifier: GPL-2.0-or-later
# The boot program with glibc, and the fuzzers: replayed by `make check`, run by
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

# The corpora once, with the compiler that is there anyway.
$B/fuzz/replay-%: test/fuzz/fuzz-%.c test/fuzz/replay.c test/fuzz/fuzz.h $(core) $(headers)
	$(call say,CC)
	@mkdir -p $(@D)
	$Q$(CC) $(common) -O1 -g $(sanitize) -o $@ $< test/fuzz/replay.c $(core)

$B/fuzz/fuzz-%: test/fuzz/fuzz-%.c test/fuzz/fuzz.h $(core) $(headers)
	$(call say,CLANG)
	@mkdir -p $(@D)
	$Q$(CLANG) $(common) -O1 -g $(sanitize) -fsanitize=fuzzer -o $@ $< $(core)

units: $B/vfio-early-boot-glibc $(replays)

fuzz: all $B/vfio-early-boot-glibc $(fuzzers:%=$B/fuzz/fuzz-%)
	$Q$(PYTHON) -B test/fuzz/fuzz.py $(SECONDS) $B/fuzz $(fuzzers)

.PHONY: fuzz
