# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# make             build everything (V=1 shows each command)
# sudo make demo   a router between two hosts, live: opens weir top
# sudo make check  all tests
# sudo make check-kernels   on Debian's kernels, under QEMU (KERNELS=6.1: one of them)
# sudo make bench  figures, against their targets
# sudo make fuzz   random input for FUZZ_SECONDS (60) a target
# make help        this list

CC	?= gcc
CLANG	?= clang
STRIP	?= llvm-strip
BPFTOOL	?= bpftool
B	:= build
Q	:= $(if $(V),,@)
say	= $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

WARN	:= -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wvla -Werror
CFLAGS	?= -O2 -g
# SANITIZE=1: all of it checks itself as it runs. Of clang's libraries, since fuzzers need them too.
ifdef SANITIZE
override CC := $(CLANG)
SAN	:= -fsanitize=address,undefined -fno-sanitize-recover=all
override CFLAGS += $(SAN) -fsanitize=fuzzer-no-link -fno-omit-frame-pointer
endif
ALL_CFLAGS := -std=gnu11 $(WARN) $(CFLAGS) -D_GNU_SOURCE -Iinclude -Iuser -isystem $(B)/skel \
	-ffile-prefix-map=$(CURDIR)=.
LIBS	:= -lbpf -lelf -lz -lmnl -ljansson -lncursesw -lpcap
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_CFLAGS := -std=gnu11 -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wshadow -Werror \
	-Wno-unused-parameter -Iinclude -Ibpf $(addprefix -isystem /usr/include/,$(MULTIARCH)) \
	-ffile-prefix-map=$(CURDIR)=. -fdebug-compilation-dir=.

# Everything below is found by where it lies; a new file needs no line here.
BPF_SRC	:= $(wildcard bpf/*.bpf.c tools/*/*.bpf.c tests/*/*.bpf.c)
BPF_LIB	:= $(wildcard bpf/lib/*.h include/weir/*.h)
SKEL	:= $(patsubst %.bpf.c,$(B)/skel/%.skel.h,$(notdir $(BPF_SRC)))
USER_SRC := $(filter-out user/main.c,$(wildcard user/*/*.c))
USER_OBJ := $(USER_SRC:%.c=$(B)/obj/%.o)
LIBWEIR	:= $(B)/libweir.a
TOOLS	:= $(patsubst tools/%/main.c,$(B)/weir-%,$(wildcard tools/*/main.c))
UNIT	:= $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/*_test.c))
PROG	:= $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/prog/*_test.c))
BENCH	:= $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
BENCH	:= $(filter-out %.bpf,$(BENCH))
FUZZ	:= $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/fuzz/*_fuzz.c))
E2E	:= $(patsubst tests/%.c,$(B)/tests/%,$(filter-out %.bpf.c,$(wildcard tests/e2e/*.c)))
RIG	:= $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/bench/rig/*.c))

.PHONY: all build tests units progs check check-kernels demo bench fuzz fuzzers sanitized clean help deps format
.DELETE_ON_ERROR:
.SECONDARY:

all: build

# A fresh machine has make and nothing else, so dependencies come first and only then is the rest
# of this file asked.
deps:
	@tools/deps

build: $(B)/weir $(TOOLS)

$(B)/weir: $(B)/obj/user/main.o $(LIBWEIR)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(LIBWEIR): $(USER_OBJ)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcsD $@ $^

# -MD, since -MMD would pass over the skeletons: they are system headers.
$(B)/obj/%.o: %.c | $(SKEL)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MD -MP -c -o $@ $<

vpath %.bpf.c $(sort $(dir $(BPF_SRC)))

$(B)/bpf/%.bpf.o: %.bpf.c $(BPF_LIB)
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<
	$(Q)$(STRIP) -g $@

$(B)/skel/%.skel.h: $(B)/bpf/%.bpf.o
	@mkdir -p $(@D)
	$(Q)printf '#include <weir/%s.h>\n' abi rules sessions kernel trace >$@ # the types of its global data
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf >>$@

$(B)/weir-%: $(B)/obj/tools/%/main.o $(LIBWEIR)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# What lies beside tests and is none itself is linked into each test of its folder.
beside = $(patsubst %.c,$(B)/obj/%.o,$(filter-out %_test.c %.bpf.c,$(wildcard tests/$(1)/*.c)))
.SECONDEXPANSION:
$(B)/tests/%: $(B)/obj/tests/%.o $$(call beside,$$(*D)) $(LIBWEIR)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# Of the files beside them, each names what it needs.
$(B)/tests/fuzz/%_fuzz: $(B)/obj/tests/fuzz/%_fuzz.o $(LIBWEIR)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(LIBWEIR) $(LIBS)

$(B)/tests/fuzz/cmd_fuzz $(B)/tests/fuzz/batch_fuzz: $(B)/obj/tests/fuzz/fake_ctl.o

# Each a program of its own.
$(B)/tests/e2e/%: $(B)/obj/tests/e2e/%.o $(LIBWEIR)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/bench/%: $(B)/obj/tests/bench/%.o $(RIG) $(LIBWEIR)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Without the rig.
$(B)/bench/classify: $(B)/obj/tests/bench/classify.o $(LIBWEIR)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

tests: units $(BENCH) $(E2E) sanitized

units: progs $(UNIT)

# What runs in the guests of check-kernels.
progs: build $(PROG)

# A second build, with the fuzzers; its weir is given broken pins.
sanitized:
	@$(MAKE) --no-print-directory SANITIZE=1 B=$(B)/sanitized build fuzzers

fuzzers: $(FUZZ)

check: deps
	@$(MAKE) --no-print-directory tests
	@tests/run

check-kernels: deps
	@$(MAKE) --no-print-directory progs
	@tests/kernels/run $(FORM)

demo: deps
	@$(MAKE) --no-print-directory build
	@tools/demo

bench: deps
	@$(MAKE) --no-print-directory tests
	@tests/bench/run

fuzz: deps
	@$(MAKE) --no-print-directory tests
	@tests/fuzz/run

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf $(B)

help:
	@sed -n '3,9s/^# //p' Makefile

-include $(shell find $(B) -name '*.d' 2>/dev/null)
