# SPDX-License-Identifier: GPL-2.0-or-later
#
# make try      boot a virtual machine with a sample config and look at what happens
# make check    every test: unit, command line, limits, virtual machines
# make          the two programs, under build/
# make install  into $(DESTDIR); make uninstall takes it out again

VERSION := 0.1.0

DESTDIR =
PREFIX = /usr
CC = cc
KLCC = klcc
CFLAGS = -O2 -g
KLCFLAGS = -Oz
PKG_CONFIG = pkg-config
PYTHON = /usr/bin/python3
PYTEST = $(PYTHON) -B -m pytest -q -p no:cacheprovider

B := build

# One short line a step; make V=1 shows the commands, make -s nothing.
ifeq ($(V),)
Q := @
ifeq ($(findstring s,$(firstword -$(MAKEFLAGS))),)
say = @echo "  $(1)	$(patsubst $B/%,%,$@)"
endif
endif

core := $(wildcard src/core/*.c)
boot := $(wildcard src/boot/*.c)
cli := $(wildcard src/cli/*.c)
headers := $(wildcard src/core/*.h src/cli/*.h)
unit := $(wildcard test/unit/test-*.c)

warnings := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith \
	-Wundef -Wvla -Wwrite-strings -Wformat=2
common := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DVERSION='"$(VERSION)"' -Isrc/core $(warnings)

# The host program is hardened. klcc knows none of that, and the boot program is to be small: the
# flags below are what it takes, each measured.
hardening := -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 -fPIE
host_flags = $(common) -Wshadow $(hardening) $(shell $(PKG_CONFIG) --cflags $(libraries))
host_link := -pie -Wl,-z,relro,-z,now
libraries := libkmod libpci smartcols mount
small := -fomit-frame-pointer -mno-sse -mpreferred-stack-boundary=3 -mskip-rax-setup \
	-falign-functions=1 -falign-jumps=1 -falign-loops=1 -fno-asynchronous-unwind-tables \
	-fno-unwind-tables -fcf-protection=none -ffunction-sections -fdata-sections \
	-fno-caller-saves -fno-expensive-optimizations -fno-tree-loop-optimize \
	-fno-tree-dominator-opts -fno-tree-loop-im -fno-move-loop-invariants \
	-fno-rerun-cse-after-loop
small_link := -Wl,--gc-sections,--build-id=none,-O2,-z,noseparate-code,-z,common-page-size=64
strip := -s -R .comment -R .note

boot_objects := $(core:src/%.c=$B/klibc/%.o) $(boot:src/%.c=$B/klibc/%.o)
host_core := $(core:src/%.c=$B/host/%.o)
host_objects := $(host_core) $(cli:src/%.c=$B/host/%.o)

all: $B/vfio-early $B/vfio-early-boot $B/vfio-early-init $B/vfio-early-rescue

$B/vfio-early-boot: $(boot_objects)
	$(call say,LINK)
	$Q$(KLCC) -static $(small_link) -o $@.full $^
	$Qstrip $(strip) -o $@ $@.full

$B/vfio-early-init: $B/klibc/init/main.o
$B/vfio-early-rescue: $B/klibc/rescue/main.o $(core:src/%.c=$B/klibc/%.o) $B/klibc/boot/klibc.o
$B/vfio-early-init $B/vfio-early-rescue:
	$(call say,LINK)
	$Q$(KLCC) -static $(small_link) -o $@.full $^
	$Qstrip $(strip) -o $@ $@.full

$B/vfio-early: $(host_objects)
	$(call say,LINK)
	$Q$(CC) $(CFLAGS) $(host_link) $(LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs $(libraries))

$B/klibc/%.o: src/%.c $(headers) Makefile
	$(call say,KLCC)
	@mkdir -p $(@D)
	$Q$(KLCC) $(common) $(small) $(KLCFLAGS) -c -o $@ $<

$B/host/%.o: src/%.c $(headers) Makefile
	$(call say,CC)
	@mkdir -p $(@D)
	$Q$(CC) $(host_flags) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The unit tests of the core, once for each C library. test/unit/klibc/cmocka.h is what of cmocka
# they use, for klibc.
units := $(unit:test/unit/%.c=$B/unit/glibc/%) $(unit:test/unit/%.c=$B/unit/klibc/%)
klibc_core := $(core:src/%.c=$B/klibc/%.o)

$B/unit/glibc/%: test/unit/%.c $(host_core) $(wildcard test/unit/*.h)
	$(call say,CC)
	@mkdir -p $(@D)
	$Q$(CC) $(common) $(CFLAGS) -Itest/unit -o $@ $< $(host_core) -lcmocka

$B/unit/klibc/%: test/unit/%.c $(klibc_core) $(wildcard test/unit/*.h test/unit/klibc/*.h)
	$(call say,KLCC)
	@mkdir -p $(@D)
	$Q$(KLCC) $(common) $(KLCFLAGS) -Itest/unit/klibc -Itest/unit -static -o $@ $< $(klibc_core)

units: $(units)

check: deps all units
	$(PYTEST) -n 2 --junit-xml=$B/check.xml test test-vm

check-unit: all units
	$(PYTEST) test

check-vm: all
	$(PYTEST) -n 2 test-vm

# Every fault in every system call; `make check` has a part of it.
sweep: all
	$(PYTHON) -B test/sweep.py

try: deps all
	$(PYTHON) -B test-vm/try.py

# What building and testing need, on Debian 12 and 13.
packages := gcc libc6-dev linux-libc-dev make pkg-config klibc-utils libklibc-dev libkmod-dev libpci-dev \
	libsmartcols-dev libmount-dev libcmocka-dev kmod cpio zstd xz-utils e2fsprogs shellcheck strace \
	python3 python3-pytest python3-pytest-xdist qemu-system-x86 ovmf mmdebstrap debian-archive-keyring

deps:
	@test/install-packages $(packages)

dracut = $(DESTDIR)$(PREFIX)/lib/dracut/modules.d
scripts = $(DESTDIR)$(PREFIX)/share/initramfs-tools/scripts

install: all
	$(call say,INSTALL)
	$Qinstall -D -m 755 $B/vfio-early $(DESTDIR)$(PREFIX)/sbin/vfio-early
	$Qinstall -D -m 755 $B/vfio-early-boot $(DESTDIR)$(PREFIX)/lib/vfio-early/vfio-early-boot
	$Qinstall -D -m 755 $B/vfio-early-init $(DESTDIR)$(PREFIX)/lib/vfio-early/vfio-early-init
	$Qinstall -D -m 755 $B/vfio-early-rescue $(DESTDIR)$(PREFIX)/lib/vfio-early/vfio-early-rescue
	$Qinstall -d $(dracut)/50vfio-early $(dracut)/99vfio-early-init
	$Qinstall -m 755 hook/dracut/50vfio-early/module-setup.sh $(dracut)/50vfio-early/
	$Qinstall -m 644 hook/dracut/50vfio-early/vfio-early.* $(dracut)/50vfio-early/
	$Qinstall -m 755 hook/dracut/99vfio-early-init/module-setup.sh $(dracut)/99vfio-early-init/
	$Qinstall -D -m 644 doc/vfio-early.8 $(DESTDIR)$(PREFIX)/share/man/man8/vfio-early.8
	$Qinstall -D -m 644 doc/vfio-early.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/vfio-early.conf.5
	$Qinstall -D -m 644 doc/vfio-early.8 $(DESTDIR)$(PREFIX)/share/man/man8/vfio-early.8
	$Qinstall -D -m 644 doc/vfio-early.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/vfio-early.conf.5
	$Qinstall -D -m 755 hook/initramfs-tools/hook $(DESTDIR)$(PREFIX)/share/initramfs-tools/hooks/vfio-early
	$Qinstall -D -m 755 hook/initramfs-tools/init-top $(scripts)/init-top/00-vfio-early
	$Qinstall -D -m 755 hook/initramfs-tools/local-block $(scripts)/local-block/vfio-early
	$Qinstall -D -m 755 hook/initramfs-tools/panic $(scripts)/panic/vfio-early
	$Qtest -e $(DESTDIR)/etc/vfio-early.conf || \
		install -D -m 644 conf/vfio-early.conf $(DESTDIR)/etc/vfio-early.conf

# The config stays: it is the administrator's.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/vfio-early
	rm -f $(DESTDIR)$(PREFIX)/share/man/man8/vfio-early.8 $(DESTDIR)$(PREFIX)/share/man/man5/vfio-early.conf.5
	rm -f $(DESTDIR)$(PREFIX)/share/man/man8/vfio-early.8 $(DESTDIR)$(PREFIX)/share/man/man5/vfio-early.conf.5
	rm -f $(DESTDIR)$(PREFIX)/share/initramfs-tools/hooks/vfio-early
	rm -f $(scripts)/init-top/00-vfio-early $(scripts)/local-block/vfio-early $(scripts)/panic/vfio-early
	rm -rf $(DESTDIR)$(PREFIX)/lib/vfio-early $(dracut)/50vfio-early $(dracut)/99vfio-early-init

# What was fetched stays, for the next run.
clean:
	find $B -mindepth 1 -maxdepth 1 ! -name fetched -exec rm -rf {} + 2>/dev/null || true

.DELETE_ON_ERROR:
.PHONY: all units check check-unit check-vm sweep try deps install uninstall clean
.SECONDARY:
