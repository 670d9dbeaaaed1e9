# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the tests of NAT with real programs share. The lab with an inside and an outside that has no way
# back to it, so that what leaves untranslated is never answered:
#
#	c  192.0.2.1, 192.0.2.2 ── r0 r r1 ── 198.51.100.1, 198.51.100.3  s ── 203.0.113.2  x
#	   inside                                outside                        by an MTU of 1300
#
# Loaded after helper, objects and frame.

C2_ADDR=192.0.2.2 S2_ADDR=198.51.100.3 X_ADDR=203.0.113.2
MODES='native generic tc'

start_nat_lab() {
	local x

	start_lab && read_cookie || return
	confirm_once
	for x in c r s; do
		in_ns "$x" sysctl -qw net.ipv4.icmp_ratemask=0
	done
	ip -n "$LAB-c" addr add "$C2_ADDR/24" dev c0 &&
		ip -n "$LAB-s" addr add "$S2_ADDR/24" dev s0 &&
		ip -n "$LAB-s" route del default
}

stop_nat_lab() {
	[ ! -e "/run/netns/$LAB-x" ] || ip netns del "$LAB-x"
	stop_lab
}

# far_host: x, behind s.
far_host() {
	ip netns add "$LAB-x" &&
		ip -n "$LAB-s" link add s1 mtu 1300 type veth peer name x0 netns "$LAB-x" &&
		ip -n "$LAB-s" addr add 203.0.113.254/24 dev s1 &&
		ip -n "$LAB-x" addr add "$X_ADDR/24" dev x0 &&
		ip -n "$LAB-s" link set s1 up && ip -n "$LAB-x" link set x0 up &&
		ip -n "$LAB-x" link set lo up &&
		ip -n "$LAB-x" route add default via 203.0.113.254 &&
		ip -n "$LAB-r" route add 203.0.113.0/24 via "$S_ADDR" &&
		in_ns s sysctl -qw net.ipv4.ip_forward=1 &&
		lab_in "$LAB-x" sysctl -qw net.ipv4.icmp_ratemask=0
}

# attach_cold native|generic|tc: as if for the first time, without rules.
attach_cold() {
	MODE=$1
	weir_r dev detach all >/dev/null 2>&1 || :
	case $MODE in
	tc) weir_r dev attach r0 r1 xdp off tc on ;;
	*) weir_r dev attach r0 r1 xdp "$MODE" ;;
	esac
}

attach_as() {
	attach_cold "$1"
	warm
}

# warm: the first packets to a next hop, which are the kernel's, have gone; while nothing is translated, so with a
# way back.
warm() {
	ip -n "$LAB-s" route replace 192.0.2.0/24 via "$R1_ADDR"
	wait_until in_ns c ping -q -c 3 -i 0.01 -W 1 "$S_ADDR"
	ip -n "$LAB-s" route del 192.0.2.0/24
}

# in_each_mode CMD...: with nothing left of the mode before, and each ledger at 0. Never in a condition:
# bash would not stop at what fails.
in_each_mode() {
	local mode

	for mode in $MODES; do
		echo "mode $mode:"
		attach_as "$mode"
		"$@"
		accounted
		end_background || :
		weir_r dev detach all # first: with the last rule programs would be loaded anew
		weir_r nat flush >/dev/null
	done
}

# accounted: nothing has ended without a cause, at any hook.
accounted() {
	weir_r -j ledger show | jq -e '[.devices[], .total | .residual, .verdict_residual, .queue_residual]
		| unique == [0]' >/dev/null && return
	weir_r ledger show
	return 1
}

# translated N: the fast path has translated; at least N packets have gone both ways in sessions.
translated() {
	local n

	n=$(weir_r -j nat session show | jq '[.sessions[] | select(.translation != "none") |
		.packets_there + .packets_back] | add // 0')
	[ "$n" -ge "$1" ] && return
	echo "sessions have translated $n packets, wanted $1:"
	weir_r nat session show
	return 1
}

sessions() {
	weir_r -j nat session show limit 1 | jq "${1:-.all}"
}

# pool_used DEV: ports taken, of any protocol, in the pools of a device or address.
ports_used() {
	weir_r -j nat show | jq '[.pools[] | .udp, .tcp, .icmp] | add // 0'
}

# web NS: an nginx with a file of 10 MB and a small one; who asked is in $WEB_LOG.
web() {
	local dir=$BATS_TEST_TMPDIR/web-$1

	mkdir -p "$dir/tmp" && chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" "$dir"
	WEB_LOG=$dir/access WEB_SUM=''
	[ -e "$dir/big" ] || head -c 10485760 /dev/urandom >"$dir/big"
	head -c 20000 "$dir/big" >"$dir/small"
	chmod 644 "$dir"/big "$dir"/small
	WEB_SUM=$(sum_of <"$dir/big")
	: >"$WEB_LOG"
	cat >"$dir/conf" <<-END
		daemon off;
		master_process off;
		pid $dir/pid;
		error_log $dir/error;
		events { worker_connections 1024; }
		http {
			log_format ends '\$remote_addr \$remote_port \$server_addr';
			access_log $WEB_LOG ends;
			client_body_temp_path $dir/tmp;
			proxy_temp_path $dir/tmp;
			fastcgi_temp_path $dir/tmp;
			uwsgi_temp_path $dir/tmp;
			scgi_temp_path $dir/tmp;
			server { listen ${2:-80} backlog=1024; root $dir; }
		}
	END
	background in_ns "$1" nginx -p "$dir" -c "$dir/conf" -e "$dir/error"
	wait_until listens "$1" tcp "${2:-80}" || { cat "$dir/error"; return 1; }
}

# fetch NS HOST: the file of 10 MB, whole.
fetch() {
	equal "sum of what $1 got of $2" \
		"$(in_ns "$1" curl -sS --max-time 60 "http://$2/big" | sum_of)" "$WEB_SUM"
}

sum_of() {
	sha256sum | cut -d' ' -f1
}

# asked_by ADDR N: who has asked the web server: nobody else, so often.
asked_by() {
	equal "who asked" "$(cut -d' ' -f1 "$WEB_LOG" | sort | uniq -c | xargs)" "$2 $1"
}
