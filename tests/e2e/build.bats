#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The build is reproducible and needs nothing of the running kernel; the sources keep the rules of
# the house. What is tested are the files that git tracks, as they are now.

load helper

# Builds are made once for all tests here: `one`, and `another` in another place, at another time,
# by another locale, without the running kernel's types.
setup_file() {
	export ONE=$BATS_FILE_TMPDIR/one ANOTHER=$BATS_FILE_TMPDIR/another/deeper/place
	export BUILDS=$BATS_FILE_TMPDIR/builds

	is_clone || return 0
	copy_sources "$ONE" || return
	copy_sources "$ANOTHER" || return
	{
		make -s -C "$ONE" build && echo one is built &&
			(cd "$ANOTHER" && umask 077 && LC_ALL=C.UTF-8 TZ=Pacific/Auckland USER=nobody \
				unshare --mount --propagation private sh -c '
				[ ! -d /sys/kernel/btf ] || mount -t tmpfs none /sys/kernel/btf
				[ ! -e /sys/kernel/btf/vmlinux ] && make -s -j2 build') &&
			echo another is built
	} >"$BUILDS" 2>&1 || true
}

setup() {
	is_clone || skip "this is no git clone, so there is no telling what is a source"
	cd "$ROOT" || return
}

# A clone may belong to another user than root.
tracked() {
	git -C "$ROOT" -c safe.directory='*' ls-files "$@"
}

is_clone() {
	command -v git >/dev/null && tracked Makefile 2>/dev/null | grep -q .
}

copy_sources() {
	mkdir -p "$1" &&
		tracked -z | tar -C "$ROOT" --null --ignore-failed-read -cT - | tar -C "$1" -x
}

# Scripts by their first line, the rest by name: all that a person wrote as a program.
programs() {
	local file

	tracked '*.[ch]' '*.bash' '*.bats' '*.sh' Makefile
	tracked | while read -r file; do
		[[ $file != *.* && $file != Makefile && -f $file ]] && head -1 "$file" |
			grep -q '^#!' && echo "$file"
	done
	return 0
}

@test "a build reads nothing of the running kernel's types" {
	grep -q 'another is built' "$BUILDS" || { cat "$BUILDS"; return 1; }
}

@test "two builds in two places are the same, byte for byte" {
	local file

	(cd "$ONE" && find build -name '*.bpf.o' -o -path 'build/weir*' -type f) | sort \
		>"$BATS_TEST_TMPDIR/files"
	grep -qx build/weir "$BATS_TEST_TMPDIR/files"
	grep -qx build/weir-gen "$BATS_TEST_TMPDIR/files"
	grep -qx build/bpf/xdp.bpf.o "$BATS_TEST_TMPDIR/files"
	while read -r file; do
		cmp "$ONE/$file" "$ANOTHER/$file"
	done <"$BATS_TEST_TMPDIR/files"
	! grep -aq "$BATS_FILE_TMPDIR" "$ONE/build/weir" || { echo "it names where it was built"
		return 1; }
}

@test "a second make has nothing to do; a changed header is seen" {
	make -q -C "$ONE" build
	touch "$ONE/include/weir/explained.h" # by the BPF programs, and by few besides
	run -1 make -q -C "$ONE" build
	make -s -C "$ONE" build
	cmp "$ONE/build/weir" "$ANOTHER/build/weir"
}

@test "what was built runs" {
	run -0 "$ONE/build/weir" version
	[[ $output == weir\ * ]]
	run -0 "$ONE/build/weir-gen" --help
}

# --- the rules of the house ---

@test "includes point one way" {
	tools/check-includes
}

# planted FILE LINE: check-includes finds it there.
planted() {
	local copy=$BATS_TEST_TMPDIR/planted n

	rm -rf "$copy"
	mkdir "$copy"
	cp -r include bpf stack user tools "$copy"
	mkdir -p "$copy/${1%/*}"
	echo "$2" >>"$copy/$1"
	n=$(wc -l <"$copy/$1")
	run -1 tools/check-includes "$copy"
	[[ $output == "$1:$n: "*"${2#*include }" ]] || { echo "$1, $2: $output"; return 1; }
	[ "${#lines[@]}" -eq 1 ]
}

@test "an include that points the other way is found" {
	planted include/weir/abi.h '#include <linux/bpf.h>'
	planted include/weir/abi.h '#include "../../user/base/err.h"'
	planted bpf/lib/maps.h '#include <bpf/libbpf.h>'
	planted bpf/lib/maps.h '#include "base/err.h"'
	planted bpf/xdp.bpf.c '#include <stdio.h>'
	planted stack/tcp.c '#include <time.h>'
	planted stack/tcp.c '#include <sys/socket.h>'
	planted stack/tcp.c '#include <bpf/bpf.h>'
	planted stack/tcp.c '#include "base/err.h"'
	planted user/base/err.c '#include "model/tables.h"'
	planted user/model/tables.c '#include "ctl/ctl.h"'
	planted user/model/tables.c '#include "out/face.h"'
	planted user/out/face.c '#include "ctl/ctl.h"'
	planted user/out/face.c '#include <ncurses.h>'
	planted user/ctl/view.c '#include "out/face.h"'
	planted user/ctl/view.c '#include "cmd/cmd.h"'
	planted user/ctl/view.c '# include <curses.h>'
	planted user/tui/screen.c '#include "ctl/ctl.h"'
	planted user/tui/draw.c '#include <ncurses.h>'
	planted user/cmd/top.c '#include <ncursesw/ncurses.h>'
	planted user/cmd/top.c '#include <bpf/libbpf.h>'
	planted user/cmd/top.c '#include <libmnl/libmnl.h>'
	planted user/cmd/top.c '#include "xdp.skel.h"'
	planted user/cmd/top.c '#include <linux/rtnetlink.h>'
	planted user/main.c '#include "ctl/ctl.h"'
	planted user/model/tables.c '#include SOME_MACRO'
	planted tools/gen/main.c '#include "ctl/ctl.h"'
}

@test "an include that points the right way is none of its business" {
	local copy=$BATS_TEST_TMPDIR/good

	mkdir "$copy"
	cp -r include bpf stack user tools "$copy"
	mkdir -p "$copy/user/tui"
	echo '#include <ncurses.h>' >"$copy/user/tui/screen.c"
	echo '#include <weir/abi.h>' >"$copy/stack/ip.c"
	echo '#include <sys/epoll.h>' >>"$copy/user/cmd/top.c"
	echo '#include "tui/screen.h"' >>"$copy/user/cmd/top.c"
	tools/check-includes "$copy"
	run -2 tools/check-includes "$BATS_FILE_TMPDIR"
}

@test "every program says its licence" {
	local file

	for file in $(programs); do
		head -3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause' ||
			echo "$file"
	done >"$BATS_TEST_TMPDIR/without"
	[ "$(programs | wc -l)" -gt 50 ]
	[ ! -s "$BATS_TEST_TMPDIR/without" ] || { cat "$BATS_TEST_TMPDIR/without"; return 1; }
}

# A file or a function that must be longer says so: "longer than others, since ...".
long_ones() {
	awk '
	FNR == 1 { close_file(); file = FILENAME; says = 0 }
	/longer than others, since/ { says = 1; reason = FNR }
	/^{/ { begin = FNR; name = before }
	/^}/ && begin {
		if (FNR - begin > 70 && !(reason >= begin - 10 && says))
			printf "%s:%d: %d lines in %s\n", FILENAME, begin, FNR - begin, name
		begin = 0
	}
	# in the shell, name() {
	/^[a-z_0-9]+\(\) [{(]$/ || /^@test .* [{]$/ { begin = FNR; name = $0 }
	{ before = $0; lines = FNR }
	function close_file() {
		if (file != "" && lines > 600 && !says)
			printf "%s: %d lines\n", file, lines
	}
	END { close_file() }' "$@"
}

@test "files have at most 600 lines, functions 70, or say why not" {
	local f=$BATS_TEST_TMPDIR/long.c

	{ echo 'int f(void)'; echo '{'; for _ in {1..71}; do echo '	f();'; done; echo '}'; } >"$f"
	[[ $(long_ones "$f") == "$f:2: 72 lines in int f(void)" ]]
	for _ in {1..600}; do echo; done >>"$f"
	long_ones "$f" | grep -q "^$f: 67[0-9] lines"
	# shellcheck disable=SC2046
	long_ones $(programs) >"$BATS_TEST_TMPDIR/long"
	[ ! -s "$BATS_TEST_TMPDIR/long" ] || { cat "$BATS_TEST_TMPDIR/long"; return 1; }
}

@test "nothing is left to be done later" {
	local words='TO[D]O|FIX[M]E|XX[X]'

	# shellcheck disable=SC2046
	run ! grep -nwE "$words" $(tracked)
	echo '/* TO''DO */' >"$BATS_TEST_TMPDIR/planted"
	grep -qwE "$words" "$BATS_TEST_TMPDIR/planted"
}
