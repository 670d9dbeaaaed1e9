#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The lab: a client, a router and a server, each a network namespace, joined by veth pairs.
#
#	NAME-c                     NAME-r                         NAME-s
#	c0 192.0.2.1/24 ---- r0 192.0.2.254/24
#	                     r1 198.51.100.254/24 ---- s0 198.51.100.1/24
#
# Sourced, it gives lab_up NAME [nogro], lab_down NAME, lab_gc, lab_show [NAME] and lab_in NAME-X
# CMD...; run, it takes the words in lab_usage. NAME is weir-WHAT-PID, where PID is the process that
# answers for the lab: lab_gc removes the labs whose process is gone, as kill -9 leaves them.
#
# Commands enter a namespace by nsenter, never by `ip netns exec`: that remounts /sys, and so hides
# the BPF file system that pins live in.

lab_usage() {
	cat <<-END
	usage: lab.sh up NAME [nogro] | down NAME | gc | show [NAME]
	  up NAME     client NAME-c, router NAME-r, server NAME-s; NAME is weir-WHAT-PID
	              nogro: leave GRO off on c0 and s0, so that they refuse redirected frames
	  down NAME   remove them
	  gc          remove every lab whose PID is no longer alive
	  show        what labs there are, or the devices and addresses of one
	END
}

lab_in() {
	local ns=$1

	shift
	nsenter --net="/run/netns/$ns" -- "$@"
}

# Fixed addresses, so that a capture or a map dump reads the same in every run.
lab_mac() {
	case $1 in
	c0) echo 02:00:00:00:00:01 ;;
	r0) echo 02:00:00:00:00:fe ;;
	r1) echo 02:00:00:00:01:fe ;;
	s0) echo 02:00:00:00:01:01 ;;
	esac
}

lab_namespaces() {
	local ns sysctl

	for ns in "$1-c" "$1-r" "$1-s"; do
		ip netns add "$ns" || return 1
		# Before any link comes up: router solicitations would be frames nobody sent.
		for sysctl in net.ipv6.conf.{all,default}.disable_ipv6=1; do
			lab_in "$ns" sysctl -qw "$sysctl" || return 1
		done
		ip -n "$ns" link set lo up || return 1
	done
	lab_in "$1-r" sysctl -qw net.ipv4.ip_forward=1
}

lab_wire() {
	local r=$1-r

	ip -n "$r" link add r0 address "$(lab_mac r0)" type veth \
		peer name c0 address "$(lab_mac c0)" netns "$1-c" &&
	ip -n "$r" link add r1 address "$(lab_mac r1)" type veth \
		peer name s0 address "$(lab_mac s0)" netns "$1-s" &&
	ip -n "$1-c" addr add 192.0.2.1/24 dev c0 &&
	ip -n "$r" addr add 192.0.2.254/24 dev r0 &&
	ip -n "$r" addr add 198.51.100.254/24 dev r1 &&
	ip -n "$1-s" addr add 198.51.100.1/24 dev s0 &&
	ip -n "$1-c" link set c0 up &&
	ip -n "$r" link set r0 up &&
	ip -n "$r" link set r1 up &&
	ip -n "$1-s" link set s0 up &&
	ip -n "$1-c" route add default via 192.0.2.254 &&
	ip -n "$1-s" route add default via 198.51.100.254
}

lab_up() {
	local name=$1 gro=${2:-gro}

	if ! [[ $name =~ ^weir-.+-[0-9]+$ ]]; then
		echo "lab: '$name' is not a lab's name; weir-WHAT-PID is" >&2
		return 1
	fi
	if [ -e "/run/netns/$name-c" ] || [ -e "/run/netns/$name-r" ]; then
		echo "lab: $name exists; 'lab.sh down $name' removes it" >&2
		return 1
	fi
	if ! lab_namespaces "$name" || ! lab_wire "$name"; then
		lab_down "$name"
		return 1
	fi
	# A veth takes redirected frames only if its other end polls: with an XDP program or GRO.
	if [ "$gro" != nogro ] && ! { lab_in "$name-c" ethtool -K c0 gro on &&
		lab_in "$name-s" ethtool -K s0 gro on; }; then
		lab_down "$name"
		return 1
	fi
}

lab_down() {
	local ns

	for ns in "$1-c" "$1-r" "$1-s"; do
		[ ! -e "/run/netns/$ns" ] || ip netns del "$ns"
	done
}

lab_gc() {
	local path name

	for path in /run/netns/weir-*-[0-9]*-[crs]; do
		name=${path##*/}
		name=${name%-?}
		[[ $name =~ ^weir-.+-([0-9]+)$ ]] || continue
		[ -e "/proc/${BASH_REMATCH[1]}" ] || lab_down "$name"
	done
}

lab_show() {
	local path x

	if [ $# -eq 0 ]; then
		for path in /run/netns/weir-*-r; do
			[ ! -e "$path" ] || basename "$path" -r
		done
		return 0
	fi
	for x in c r s; do
		echo "$1-$x"
		ip -n "$1-$x" -br addr show || return 1
	done
}

lab_main() {
	local word=${1:-}

	[ $# -eq 0 ] || shift
	case $word in
	up | down)
		if [ $# -eq 0 ]; then
			echo "lab: $word needs a NAME; see lab.sh --help" >&2
			return 1
		fi
		"lab_$word" "$@"
		;;
	gc | show) "lab_$word" "$@" ;;
	-h | --help | help) lab_usage ;;
	*)
		echo "lab: '$word' is not up, down, gc or show; see lab.sh --help" >&2
		return 1
		;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -u
	lab_main "$@"
	exit
fi
