// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/cmd.h"

const struct weir_object weir_objects[] = {
	{"dev", "devices that the fast path runs on"},
	{"path", "stages: packets, bytes, drops, latency"},
	{"drop", "who dropped what, where, why, and the remedy"},
	{"ledger", "does every packet have its end?"},
	{"filter", "rules: what may pass, and what may not"},
	{"nat", "what is translated, and who is behind it"},
	{"set", "named sets of addresses or ports, for rules"},
	{"explain", "what would become of a packet, and why"},
	{"watch", "how closely packets are observed and timed"},
	{"trace", "single packets, as they pass"},
	{"top", "what happens now, again and again"},
	{"monitor", "what happens to devices, next hops and limits"},
	{"doctor", "what kernel and devices can do and lack"},
	{"version", "versions of weir and what it stands on"},
	{"help", "this list, or one object's commands"},
};

const size_t weir_nr_objects = sizeof(weir_objects) / sizeof(weir_objects[0]);

const struct weir_command weir_commands[] = {
	{"dev", "attach",
		"DEV... [xdp native|generic|off] [tc on|off] [punt kernel|stack|drop] [force]",
		"Attach the fast path to all devices named or, when one refuses, to none: by XDP, "
		"by TC where 'tc on' or 'xdp off'; 'punt stack' is not in this version.",
		weir_dev_attach_cmd, false},
	{"dev", "detach", "DEV...|all", "Detach the fast path; the kernel forwards again.",
		weir_dev_detach_cmd, false},
	{"dev", "show", "[DEV]", "Show what is attached, how, and the ids of programs and maps.",
		weir_dev_show_cmd, false},
	{"path", "show", "[dev DEV] [plane kernel|fast|stack]",
		"Show packets, bytes, drops and latency of each stage, in a packet's order.",
		weir_path_show_cmd, false},
	{"path", "coverage", "", "Show every stage and how each plane sees it.",
		weir_path_coverage_cmd, false},
	{"drop", "show", "[dev DEV] [plane kernel|fast]",
		"Show which stage dropped how much, and why.", weir_drop_show_cmd, false},
	{"drop", "explain", "CAUSE", "Explain a cause: what it means, where, and what to do.",
		weir_drop_explain_cmd, false},
	{"ledger", "show", "[dev DEV] [plane kernel|fast]",
		"Show in = delivered + out + dropped + in flight + lost; exits 5 when it is not "
		"so.",
		weir_ledger_show_cmd, false},
	{"filter", "add",
		"[at N] [in dev D] [out dev D] [proto udp|tcp|icmp|N] [src PFX[,..]] [dst PFX[,..]] "
		"[sport R[,..]] [dport R[,..]] [tcp-flags F/M] [icmp T[/C]] [frag any|first|later] "
		"[state new|established|related|invalid[,..]] "
		"[limit RATE/s [burst N] [per src|dst|flow]] accept|drop|reject|punt|count [log] "
		"[comment TEXT]",
		"Add a rule, at the end unless told where; the first that matches decides, 'count' "
		"counts and goes on. @NAME stands for a named set.",
		weir_filter_add_cmd, true},
	{"filter", "del", "ID", "Delete a rule.", weir_filter_del_cmd, false},
	{"filter", "show", "[ID]", "Show rules in their order, what they matched, and policies.",
		weir_filter_show_cmd, false},
	{"filter", "load", "FILE|-",
		"Replace all rules and policies, and the sets named there, by those of a file, or "
		"of standard input: a rule a line, as after 'filter add'; 'policy ...' and 'set "
		"add ...' too.",
		weir_filter_load_cmd, false},
	{"filter", "check", "FILE|-", "Say whether a file could be loaded, and change nothing.",
		weir_filter_check_cmd, false},
	{"filter", "flush", "", "Delete all rules; policies and sets stay.", weir_filter_flush_cmd, false},
	{"filter", "policy", "in|out dev D accept|drop|punt",
		"Say what becomes of packets that no rule decides, IPv6 and others too; never of "
		"ARP.",
		weir_filter_policy_cmd, true},
	{"nat", "add",
		"snat out dev D [MATCH] to A[-A][:P-P] | masquerade out dev D [MATCH] [ports P-P] | "
		"dnat in dev D MATCH to A[-A][:P] | map A to B dev D  [mapping DEP] "
		"[filtering DEP] [deterministic block N] [at N] [comment TEXT]",
		"Add a rule; MATCH is as of 'filter add', DEP endpoint, address or address-port.",
		weir_nat_add_cmd, true},
	{"nat", "del", "ID", "Delete a rule; its sessions end.", weir_nat_del_cmd, false},
	{"nat", "show", "[ID]", "Show rules, pools and how full they are.", weir_nat_show_cmd, false},
	{"nat", "flush", "", "Delete all rules.", weir_nat_flush_cmd, false},
	{"nat", "load", "FILE|-", "Replace all rules by a file's; '-' is stdin.", weir_nat_load_cmd,
		false},
	{"nat", "check", "FILE|-", "Say whether it could be loaded.", weir_nat_check_cmd, false},
	{"nat", "timeout", "[NAME SECONDS]", "Show or set how long sessions last.",
		weir_nat_timeout_cmd, true},
	{"nat", "limit", "[SESSIONS]", "Show or set how many there may be.", weir_nat_limit_cmd,
		false},
	{"nat", "session",
		"show|flush [proto P] [addr PFX] [port N] [rule ID] [state S[,..]] [limit N] [from N]",
		"Show sessions, or end them.", weir_nat_session_cmd, true},
	{"nat", "explain", "ADDR[:PORT] [proto P]", "Say who is behind it.", weir_nat_explain_cmd,
		true},
	{"set", "add", "NAME ELEM[,..]",
		"Add addresses, prefixes, ranges or ports to a set, and make it if it is not there.",
		weir_set_add_cmd, true},
	{"set", "del", "NAME [ELEM[,..]]",
		"Take elements from a set; without any, delete the set, which no rule may use.",
		weir_set_del_cmd, true},
	{"set", "show", "[NAME]", "Show the sets, or the elements of one.", weir_set_show_cmd, false},
	{"explain", "",
		"PROTO ADDR[:PORT] to ADDR[:PORT] in|out dev DEV [flags FLAG[,..]] "
		"[echo-request|type T[/C]] [id N] [ttl N] [tos N] [len N] [df] [frag first|later] "
		"[ipid N] [options]",
		"Say what would become of a packet, and why: asked of the fast path's own programs "
		"on the live state, which stays as it is. '>' may stand for 'to', in quotes; 'out "
		"dev DEV' is what this host sends.",
		weir_explain_cmd, true},
	{"watch", "on",
		"[drops] [counters] [latency 1/N] [full] [duty P%] [plane kernel|fast] "
		"[netns NAMES]",
		"Observe the kernel's own path: its drops, packets of each stage, times in 1 of N "
		"parts of time, or each packet; 'duty' stages for P% of the time. 'latency' times "
		"one packet in N of the fast path, too. NAMES are of network namespaces, A,B, or "
		"all.",
		weir_watch_on_cmd, false},
	{"watch", "off", "[plane kernel|fast]", "Observe and time no packets.", weir_watch_off_cmd,
		false},
	{"watch", "show", "", "Show what is observed, what it costs, and what was lost of it.",
		weir_watch_show_cmd, false},
	{"trace", "read", "FILE|-",
		"Show packets of a file that 'trace ... plane kernel write FILE' has written, as they were shown "
		"then; '-' is stdin.",
		weir_trace_read_cmd, false},
	{"trace", "",
		"[EXPR...] [plane kernel|fast|stack] [dev DEV] [netns NAMES|all] [sample 1/N] "
		"[rate N] [count N] [seconds SEC] [write FILE]",
		"Show packets as XDP and TC meet them, and what they make of them, one in N; of 'plane kernel', those "
		"that EXPR (pcap-filter(7)) matches, through every stage, XDP and TC among them, at most 'rate' a second "
		"(1000), in this network namespace, in those named with commas between, or in all (in full: 64). To a "
		"pcapng file with 'write'. Ends after N packets or SEC seconds.",
		weir_trace_cmd, false},
	{"top", "", "[-b] [-n N] [-d SEC]",
		"Watch the path live, read every SEC seconds (default 1), N times; '?' shows the "
		"keys, -b prints plain snapshots instead.",
		weir_top_cmd, false},
	{"monitor", "", "[stale]",
		"Print a line for each thing that happens to what is attached: devices, links, next "
		"hops, own addresses, limits reached; 'stale' tells of next hops that fall silent, "
		"too.",
		weir_monitor_cmd, false},
	{"doctor", "", "[DEV]",
		"Show what this kernel and its devices can do, what is missing and how to mend it, "
		"and what the fast path goes round: nftables, qdiscs, ip rules, IPsec, taps.",
		weir_doctor_cmd, false},
	{"version", "", "", "Show the versions of weir, its ABI, libbpf and the kernel.",
		weir_version_cmd, false},
	{"help", "", "[OBJECT|man|completion]",
		"Show help; 'man' prints the manual page, 'completion' a script for bash.",
		weir_help_cmd, false},
};

const size_t weir_nr_commands = sizeof(weir_commands) / sizeof(weir_commands[0]);
