# SPDX-License-Identifier: GPL-2.0-or-later
#
# make try      boot a virtual machine with a sample config and look at what happens
# make lint     the analysers and the checks of form: C, shell, Python, spelling
# make check    lint and every test: unit, command line, limits, virtual machines
# make bench    the figures of doc/benchmarks (half an hour); FIGURE=NAME for one of them
# make          the programs, under build/
# make deb      the Debian package, under build/deb/
# make install  into $(DESTDIR); make uninstall takes it out again

VERSION := 0.1.0

DESTDIR =
PREFIX = /usr
# Debian's zsh looks below /usr where its packages put theirs.
ZSHDIR = $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
CC = cc
# The compiler of what runs in the image: klcc, musl-gcc, or cc for glibc; it links statically. The
# one that was chosen holds until make clean.
BOOT_CC = $(or $(shell cat '$B/boot-cc' 2>/dev/null),klcc)
CFLAGS ?= -O2 -g
BOOT_CFLAGS ?= -Oz
PKG_CONFIG = pkg-config
PYTHON = /usr/bin/python3
PYTEST = $(PYTHON) -B -m pytest -q -p no:cacheprovider
# How many of the unit tests, or analysers, run at a time.
JOBS = 2

B := build

# One short line a step; make V=1 shows the commands, make -s nothing.
ifeq ($(V),)
Q := @
ifeq ($(findstring s,$(firstword -$(MAKEFLAGS))),)
say = @echo "  $(1)	$(patsubst $B/%,%,$@)"
endif
endif

core := $(wildcard src/core/*.c)
boot := src/boot/main.c src/boot/rescue.c src/boot/klibc.c
cli := $(wildcard src/cli/*.c src/cli/*/*.c)
unit := $(wildcard test/unit/test-*.c)

warnings := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith \
	-Wundef -Wvla -Wwrite-strings -Wformat=2
common := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DVERSION='"$(VERSION)"' -Isrc/core $(warnings)

# The host program is hardened. klcc supports none of that. The flags below make the programs in
# the image smaller.
hardening := -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 -fPIE
host_flags = $(common) -Isrc/cli -Wshadow $(hardening) $(shell $(PKG_CONFIG) --cflags $(libraries))
host_link := -pie -Wl,-z,relro,-z,now
libraries := libkmod libpci smartcols mount json-c libxml-2.0
small := -ffunction-sections -fdata-sections
small_link := -Wl,--gc-sections,--build-id=none
ifeq ($(firstword $(BOOT_CC)) $(shell uname -m),klcc x86_64)
small += -fomit-frame-pointer -mno-sse -falign-functions=1 -falign-jumps=1 -falign-loops=1 \
	-fno-asynchronous-unwind-tables -fcf-protection=none
small_link += -Wl,-O2,-z,noseparate-code,-z,common-page-size=64
endif
strip := -s -R .comment -R .note
# Each object is accompanied by the list of the headers that it includes.
depend = -MMD -MP -MF $@.d -MT $@

boot_objects := $(core:src/%.c=$B/klibc/%.o) $(boot:src/%.c=$B/klibc/%.o)
host_core := $(core:src/%.c=$B/host/%.o)
host_objects := $(host_core) $(cli:src/%.c=$B/host/%.o)

all: $B/vfio-early $B/vfio-early-boot $B/vfio-early-init

# With another compiler than the last time, everything for the image is compiled anew.
$B/boot-cc: always
	@mkdir -p $(@D)
	@echo '$(BOOT_CC)' | cmp -s - $@ || echo '$(BOOT_CC)' >$@

$B/vfio-early-boot: $(boot_objects)
	$(call say,LINK)
	$Q$(BOOT_CC) -static $(small_link) -o $@.full $^
	$Qstrip $(strip) -o $@ $@.full

$B/vfio-early-init: $B/klibc/boot/init.o
	$(call say,LINK)
	$Q$(BOOT_CC) -static $(small_link) -o $@.full $^
	$Qstrip $(strip) -o $@ $@.full

$B/vfio-early: $(host_objects)
	$(call say,LINK)
	$Q$(CC) $(CFLAGS) $(host_link) $(LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs $(libraries))

$B/klibc/%.o: src/%.c Makefile $B/boot-cc
	$(call say,BOOT)
	@mkdir -p $(@D)
	$Q$(BOOT_CC) $(common) $(small) $(BOOT_CFLAGS) $(depend) -c -o $@ $<

$B/host/%.o: src/%.c Makefile
	$(call say,CC)
	@mkdir -p $(@D)
	$Q$(CC) $(host_flags) $(CPPFLAGS) $(CFLAGS) $(depend) -c -o $@ $<

# The unit tests of the core, once for each C library. test/unit/klibc/cmocka.h is what of cmocka
# they use, for klibc.
unit_programs := $(unit:test/unit/%.c=$B/unit/glibc/%) $(unit:test/unit/%.c=$B/unit/klibc/%)
klibc_core := $(core:src/%.c=$B/klibc/%.o)

$B/unit/glibc/%: test/unit/%.c $(host_core)
	$(call say,CC)
	@mkdir -p $(@D)
	$Q$(CC) $(common) $(CFLAGS) $(depend) -Itest/unit -o $@ $< $(host_core) -lcmocka

$B/unit/klibc/%: test/unit/%.c $(klibc_core)
	$(call say,BOOT)
	@mkdir -p $(@D)
	$Q$(BOOT_CC) $(common) $(BOOT_CFLAGS) $(depend) -Itest/unit/klibc -Itest/unit -static \
		-o $@ $< $(klibc_core)

units: $(unit_programs)
include test/fuzz/fuzz.mk test/lint/lint.mk

# If lint fails, the tests run anyway, and the last line names lint.
check: deps all units lint-and-go-on
	@status=0; $(PYTEST) -n 2 --junit-xml=$B/check.xml test test-vm || status=$$?; \
	if [ -e $B/lint/failed ]; then echo 'make check: lint failed: run make lint'; status=1; fi; \
	exit $$status

check-unit: all units
	$(PYTEST) -n $(JOBS) test

check-vm: all
	$(PYTEST) -n 2 --junit-xml=$B/check-vm.xml test-vm

# Which lines of src/ the tests reach.
coverage: all
	$(PYTHON) -B test/coverage.py

# The texts of all programs, on one page: doc/messages.md.
messages:
	$(PYTHON) -B test/messages.py

# The table of test-vm/CATALOGUE.md, from what the judge sees.
catalogue: all
	$(PYTHON) -B test-vm/catalogue.py

# Mistakes that somebody could make, each of which the tests must catch. MUTANT=NAME is for one of
# them, MUTANT=--no-vm for all of them without virtual machines.
check-mutants: all
	$(PYTHON) -B test/mutants.py $(MUTANT)

# Each device of the one hundred real machines; `make check` tests a sample of each machine.
check-machines: all
	MACHINES=all $(PYTEST) -n 2 test/test_machines.py

# Every fault in every system call, of the boot program and of what edits the config; `make check`
# has a part of it.
sweep: all
	$(PYTHON) -B test/sweep.py
	$(PYTHON) -B test/sweep_edit.py

try: deps all
	$(PYTHON) -B test-vm/try.py

# The README's pictures, from boots that the judge accepts.
pictures: deps all
	$(PYTHON) -B test-vm/pictures.py

bench_packages := busybox dash musl-tools driverctl pciutils pci.ids valgrind strace python3-matplotlib

bench: deps all
	@test/install-packages $(bench_packages)
	$(PYTHON) -B test/bench/bench.py $(FIGURE)

# What building and testing need, on Debian 12 and 13.
packages_build := build-essential gcc libc6-dev linux-libc-dev make pkg-config klibc-utils \
	libklibc-dev libkmod-dev libpci-dev libsmartcols-dev libmount-dev libjson-c-dev \
	libxml2-dev
packages_lint := clang-format clang-tidy cppcheck shellcheck flake8 codespell python3-editorconfig
packages_unit := libcmocka-dev musl-tools kmod cpio zstd xz-utils initramfs-tools-core valgrind strace \
	python3 python3-pytest python3-pytest-xdist debhelper lintian
packages_vm := e2fsprogs qemu-system-x86 ovmf mmdebstrap debian-archive-keyring

# What some of them need: make deps DEPS="build lint"
DEPS = build lint unit vm
deps:
	@test/install-packages $(foreach group,$(DEPS),$(packages_$(group)))

# The image generators look for their files below /usr whatever PREFIX is, and in an image our
# programs have one place. What of the scripts names a program on the host is told where it is.
initramfs_tools = $(DESTDIR)/usr/share/initramfs-tools
dracut = $(DESTDIR)/usr/lib/dracut/modules.d
systemd = $(DESTDIR)$(PREFIX)/lib/systemd/system
pages := $(notdir $(wildcard doc/*.[1-8]))
man = $(DESTDIR)$(PREFIX)/share/man/man
relocate = sed -i -e 's|/usr/sbin/vfio-early|$(PREFIX)/sbin/vfio-early|' \
	-e 's| /usr/lib/vfio-early/\(vfio-early-[a-z]*\)$$| $(PREFIX)/lib/vfio-early/\1&|' \
	-e '/init[.]new/s|/usr/lib/vfio-early/vfio-early-init|$(PREFIX)/lib/vfio-early/vfio-early-init|'

install: all
	$(call say,INSTALL)
	$Qinstall -D -m 755 $B/vfio-early "$(DESTDIR)$(PREFIX)/sbin/vfio-early"
	$Qinstall -D -m 755 -t "$(DESTDIR)$(PREFIX)/lib/vfio-early" $B/vfio-early-boot $B/vfio-early-init
	$Qinstall -D -m 755 -t "$(dracut)/50vfio-early" hook/dracut/50vfio-early/*.sh
	$Qinstall -D -m 644 -t "$(dracut)/50vfio-early" hook/dracut/50vfio-early/vfio-early.*
	$Qinstall -D -m 755 -t "$(dracut)/99vfio-early-init" hook/dracut/99vfio-early-init/module-setup.sh
	$Qinstall -D -m 755 hook/initramfs-tools/hook "$(initramfs_tools)/hooks/vfio-early"
	$Qinstall -D -m 755 hook/initramfs-tools/init-top \
		"$(initramfs_tools)/scripts/init-top/00-vfio-early"
	$Qinstall -D -m 755 hook/initramfs-tools/local-block "$(initramfs_tools)/scripts/local-block/vfio-early"
	$Qinstall -D -m 755 hook/initramfs-tools/panic "$(initramfs_tools)/scripts/panic/vfio-early"
	$Qinstall -D -m 644 -t "$(systemd)" hook/systemd/vfio-early-*
	$Qtest '$(PREFIX)' = /usr || $(relocate) "$(initramfs_tools)/hooks/vfio-early" \
		"$(systemd)/vfio-early-status.service" "$(systemd)/vfio-early-metrics.service" \
		"$(dracut)/50vfio-early/module-setup.sh" "$(dracut)/99vfio-early-init/module-setup.sh"
	$Qfor page in $(pages); do \
		install -D -m 644 doc/$$page "$(man)$${page##*.}/$$page" || exit; done
	$Qinstall -D -m 644 completion/vfio-early.bash \
		"$(DESTDIR)$(PREFIX)/share/bash-completion/completions/vfio-early"
	$Qinstall -D -m 644 -t "$(DESTDIR)$(ZSHDIR)" completion/_vfio-early
	$Qinstall -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d" completion/vfio-early.fish
	$Qinstall -d -m 755 "$(DESTDIR)/etc/vfio-early.conf.d"
	$Qtest -e "$(DESTDIR)/etc/vfio-early.conf" || \
		install -m 644 conf/vfio-early.conf "$(DESTDIR)/etc/vfio-early.conf"

# The config stays: it is the administrator's.
uninstall:
	rm -f "$(DESTDIR)$(PREFIX)/sbin/vfio-early"
	rm -f "$(initramfs_tools)/hooks/vfio-early" "$(initramfs_tools)/scripts/init-top/00-vfio-early"
	rm -f "$(initramfs_tools)/scripts/local-block/vfio-early" "$(initramfs_tools)/scripts/panic/vfio-early"
	rm -rf "$(dracut)/50vfio-early" "$(dracut)/99vfio-early-init" "$(DESTDIR)$(PREFIX)/lib/vfio-early"
	rm -f "$(systemd)/vfio-early-status.service" "$(systemd)/vfio-early-metrics."*
	for page in $(pages); do rm -f "$(man)$${page##*.}/$$page"; done
	rm -f "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/vfio-early" "$(DESTDIR)$(ZSHDIR)/_vfio-early"
	rm -f "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/vfio-early.fish"
	test ! -d "$(DESTDIR)/etc/vfio-early.conf.d" || \
		rmdir --ignore-fail-on-non-empty "$(DESTDIR)/etc/vfio-early.conf.d"

# The Debian package and its source, made in a copy of the tree without what was built in it.
DEB = $B/deb
deb:
	rm -rf '$(DEB)'
	mkdir -p '$(DEB)/vfio-early-$(VERSION)'
	tar -c --exclude=./$B --exclude=./.git --exclude=__pycache__ . | tar -x -C '$(DEB)/vfio-early-$(VERSION)'
	cd '$(DEB)/vfio-early-$(VERSION)' && dpkg-buildpackage --no-sign

# What was fetched stays, for the next run.
clean:
	find $B -mindepth 1 -maxdepth 1 ! -name fetched -exec rm -rf {} + 2>/dev/null || true

-include $(shell find $B/host $B/klibc $B/asan $B/unit $B/fuzz -name '*.d' 2>/dev/null)

.DELETE_ON_ERROR:
.PHONY: always all units check check-unit check-vm check-machines check-mutants catalogue coverage messages sweep try pictures bench deps install uninstall deb clean
.SECONDARY:
