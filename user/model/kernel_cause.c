// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/kernel_cause.h"
#include "model/kernel_places.h"
#include "model/kernel_reasons.h"

#define NETFILTER "NETFILTER_DROP/"

enum cause {
#define REASON(id, stage, text, counter, remedy) K_##id,
#define SHARED(id, stage, counter)		 K_##id,
	WEIR_KERNEL_REASONS(REASON, SHARED) NR_REASONS,
	BEFORE_FINER = NR_REASONS - 1,
	WEIR_KERNEL_FINER(REASON, SHARED)
#undef REASON
#undef SHARED
		FIRST_HOOK,
	BEFORE_HOOKS = FIRST_HOOK - 1,
#define HOOK(id, stage, text) K_HOOK_##id,
	WEIR_KERNEL_HOOKS(HOOK)
#undef HOOK
		NR_CAUSES
};

/* Those whose words are the kernel plane's own; a shared one's place stays empty. */
static const struct weir_cause_info own[NR_CAUSES] = {
#define REASON(id, stage, text, counter, remedy) [K_##id] = {#id, text, remedy},
#define SHARED(id, stage, counter)
	WEIR_KERNEL_REASONS(REASON, SHARED) WEIR_KERNEL_FINER(REASON, SHARED)
#undef REASON
#undef SHARED
#define HOOK(id, stage, text)                                                                      \
	[K_HOOK_##id] = {NETFILTER #id, "a netfilter rule or policy drops it " text ".",           \
		"nft -a list ruleset, iptables-save -c: rules with counters; 'nft monitor trace' " \
		"names the rule, once 'meta nftrace set 1' marks the packet"},
		WEIR_KERNEL_HOOKS(HOOK)
#undef HOOK
};

const struct weir_kernel_cause_info weir_kernel_cause_info[NR_CAUSES] = {
#define REASON(id, stage, text, counter, remedy)                                                   \
	[K_##id] = {&own[K_##id], counter, WEIR_STAGE_##stage, false},
#define SHARED(id, stage, counter)                                                                 \
	[K_##id] = {&weir_cause_info[WEIR_CAUSE_##id], counter, WEIR_STAGE_##stage, true},
	WEIR_KERNEL_REASONS(REASON, SHARED) WEIR_KERNEL_FINER(REASON, SHARED)
#undef REASON
#undef SHARED
#define HOOK(id, stage, text)                                                                      \
	[K_HOOK_##id] = {&own[K_HOOK_##id], "nft list ruleset; iptables-save -c",                  \
		WEIR_STAGE_##stage, false},
		WEIR_KERNEL_HOOKS(HOOK)
#undef HOOK
};

const unsigned int weir_kernel_nr_causes = NR_CAUSES;

/* What a newer kernel says. */
static const struct weir_cause_info unheard = {"",
	"a reason that this version of weir does not know; its name is the kernel's.",
	"the location that 'weir drop show' names is a function of the kernel's source"};

struct place {
	const char *function;
	enum cause reason; /* cases alone */
	enum cause cause;
	enum weir_stage stage;
};

static const struct place places[] = {
#define AT(function, cause, stage) {function, K_NOT_SPECIFIED, K_##cause, WEIR_STAGE_##stage},
	WEIR_KERNEL_PLACES(AT)
#undef AT
		{NULL, K_NOT_SPECIFIED, K_NOT_SPECIFIED, WEIR_STAGE_BY_LOCATION},
};

static const struct place freed[] = {
#define AT(function, cause, stage) {function, K_NOT_SPECIFIED, K_##cause, WEIR_STAGE_##stage},
	WEIR_KERNEL_FREED(AT)
#undef AT
		{NULL, K_NOT_SPECIFIED, K_NOT_SPECIFIED, WEIR_STAGE_BY_LOCATION},
};

static const struct place cases[] = {
#define AT(function, reason, cause, stage) {function, K_##reason, K_##cause, WEIR_STAGE_##stage},
	WEIR_KERNEL_CASES(AT)
#undef AT
		{NULL, K_NOT_SPECIFIED, K_NOT_SPECIFIED, WEIR_STAGE_BY_LOCATION},
};

static const struct place hooks[] = {
#define AT(function, hook) {function, K_NETFILTER_DROP, K_HOOK_##hook, WEIR_STAGE_BY_LOCATION},
	WEIR_KERNEL_HOOK_CALLERS(AT)
#undef AT
		{NULL, K_NOT_SPECIFIED, K_NOT_SPECIFIED, WEIR_STAGE_BY_LOCATION},
};

static const char *const servants[] = {
#define AT(function) function,
	WEIR_KERNEL_SERVANTS(AT)
#undef AT
};

/* What gcc and kallsyms append to a function's name is none of it. */
static size_t symbol_length(const char *symbol)
{
	return strcspn(symbol, ".+ ");
}

/* @pattern has '*' for any letters, as often as it likes. */
static bool fits(const char *pattern, const char *symbol, size_t length)
{
	const char *star = NULL;
	size_t at = 0, back = 0;

	while (at < length) {
		if (*pattern == '*') {
			star = ++pattern;
			back = at;
		} else if (*pattern == symbol[at]) {
			pattern++;
			at++;
		} else if (star) {
			pattern = star;
			at = ++back;
		} else {
			return false;
		}
	}
	return !pattern[strspn(pattern, "*")];
}

/* The first of @list, which ends with a place without a name, that fits; NULL where none does. */
static const struct place *place_of(const struct place *list, const char *symbol)
{
	size_t length = symbol_length(symbol);

	for (; length && list->function; list++)
		if (fits(list->function, symbol, length))
			return list;
	return NULL;
}

bool weir_kernel_is_servant(const char *symbol)
{
	size_t length = symbol_length(symbol);

	for (size_t i = 0; length && i < sizeof(servants) / sizeof(servants[0]); i++)
		if (fits(servants[i], symbol, length))
			return true;
	return false;
}

bool weir_kernel_is_local(const char *symbol)
{
	const struct place *place = place_of(places, symbol);

	return place && place->cause == K_NOT_NETWORK;
}

/* The kernel's reason of that name; NR_CAUSES where it is not known. */
static enum cause reason_of(const char *name)
{
	if (!*name)
		return K_NOT_SPECIFIED;
	for (unsigned int i = 0; i < NR_REASONS; i++)
		if (!strcmp(weir_kernel_cause_info[i].what->name, name))
			return i;
	return NR_CAUSES;
}

/* Nothing of the network's, at least: no packet, or one that has done its work. */
static bool loses_nothing(enum cause cause)
{
	switch (cause) {
	case K_NOT_DROPPED_YET:
	case K_CONSUMED:
	case K_NOT_NETWORK:
	case K_UNIX_DISCONNECT:
	case K_UNIX_SKIP_OOB:
	case K_PING_NO_SOCKET:
	case K_NAT_KEEPALIVE:
	case K_TCP_SPENT:
	case K_TCP_PROBE:
	case K_QDISC_CUT:
	case K_PACKET_SOCK_ERROR:
		return true;
	default:
		return false;
	}
}

static void answer(struct weir_kernel_cause *out, enum cause cause, enum weir_stage stage)
{
	const struct weir_kernel_cause_info *info = &weir_kernel_cause_info[cause];

	snprintf(out->name, sizeof(out->name), "%s", info->what->name);
	out->stage = info->stage == WEIR_STAGE_BY_LOCATION ? stage : info->stage;
	out->network = !loses_nothing(cause);
	out->aside = cause == K_PACKET_SOCK_ERROR;
	out->what = info->what;
	out->counter = info->counter;
}

/* The hook is its caller's, where the caller is known, and the place's where it judges itself. */
static void answer_netfilter(
	struct weir_kernel_cause *out, const struct weir_kernel_drop_site *site)
{
	const struct place *hook = place_of(hooks, site->caller);
	size_t length;

	if (!hook)
		hook = place_of(hooks, site->location);
	answer(out, hook ? hook->cause : K_NETFILTER_DROP, WEIR_STAGE_BY_LOCATION);
	length = strlen(out->name);
	if (*site->rule)
		snprintf(out->name + length, sizeof(out->name) - length, "/nft:%s", site->rule);
}

/* What the route says of itself, where the place knows only that there was one. */
static enum cause route_cause(int error)
{
	switch (error < 0 ? -error : error) {
	case EINVAL:
		return K_BLACKHOLE;
	case EHOSTUNREACH:
		return K_UNREACHABLE;
	case EACCES:
		return K_PROHIBIT;
	case ENETUNREACH:
		return K_IP_INNOROUTES;
	default:
		return K_ROUTE_REJECTED;
	}
}

/* Who lost it: the caller of what only frees. */
static const struct place *loser(const struct weir_kernel_drop_site *site)
{
	const struct place *place = NULL;

	if (!weir_kernel_is_servant(site->location))
		return place_of(places, site->location);
	place = place_of(freed, site->caller);
	if (!place)
		place = place_of(places, site->caller);
	/* a driver calls it for what it drops, mostly */
	return place ? place : place_of(places, site->location);
}

static const struct place *case_of(const struct weir_kernel_drop_site *site, enum cause reason)
{
	bool servant = weir_kernel_is_servant(site->location);
	const char *symbol = servant ? site->caller : site->location;
	size_t length = symbol_length(symbol);

	for (const struct place *c = cases; length && c->function; c++)
		if (c->reason == reason && fits(c->function, symbol, length))
			return c;
	return NULL;
}

/* One and the same stage has a name for each direction where packets are copied, and routed. */
static enum weir_stage directed(
	enum weir_stage stage, enum cause cause, const struct weir_kernel_drop_site *site)
{
	if (stage == WEIR_STAGE_tap_rx && (site->sending || site->outgoing))
		return WEIR_STAGE_tap_tx;
	if (stage != WEIR_STAGE_BY_LOCATION)
		return stage;
	if (cause == K_BLACKHOLE || cause == K_ROUTE_REJECTED || cause == K_BPF_LWT)
		return site->sending ? WEIR_STAGE_route_out : WEIR_STAGE_route_in;
	return stage;
}

/* What the packet itself tells where the place has several reasons. */
static enum cause told_by_packet(enum cause cause, const struct weir_kernel_drop_site *site)
{
	switch (cause) {
	case K_ROUTE_REJECTED:
		return route_cause(site->route_error);
	case K_ROUTE_INVALID:
		return site->multicast ? K_MULTICAST_NOT_JOINED : cause;
	case K_UDP_IGNORED_MULTI:
		if (!site->to_one)
			return cause;
		return site->udp_header ? K_XFRM_POLICY : K_PKT_TOO_SMALL;
	case K_NAT_KEEPALIVE: /* or too short to be anything */
		return site->udp_byte ? cause : K_XFRM_IN;
	case K_TCP_SPENT: /* only a header that is not whole comes before the socket is looked for
			   */
		if (site->sock == WEIR_KERNEL_SOCK_NONE)
			return K_PKT_TOO_SMALL;
		return site->sock == WEIR_KERNEL_SOCK_OTHER ? K_TCP_DISCARD : cause;
	case K_TCP_DISCARD: /* an ACK, or the end of a connection: read before it is freed */
		return site->bare ? K_TCP_SPENT : cause;
	case K_TCP_OLD_SEQUENCE:
		return site->bare ? K_TCP_PROBE : cause;
	case K_FRAG_REFUSED:
		return site->frags_full ? K_FRAG_NO_ROOM : cause;
	case K_OTHERHOST:
		return site->vlan ? K_VLAN_UNKNOWN : cause;
	case K_SOCKET_CLOSE: /* the note of an error */
		return site->outgoing ? K_NOT_NETWORK : cause;
	default:
		return cause;
	}
}

void weir_kernel_cause_of(const struct weir_kernel_drop_site *site, struct weir_kernel_cause *out)
{
	enum cause reason = reason_of(site->reason), cause = reason;
	enum weir_stage stage = WEIR_STAGE_BY_LOCATION;
	const struct place *place = loser(site), *other;

	if (reason == K_NETFILTER_DROP) {
		answer_netfilter(out, site);
		return;
	}
	if (place)
		stage = place->stage;
	other = case_of(site, reason);
	if (other) {
		cause = other->cause;
		stage = other->stage;
	} else if (place && reason == K_NOT_SPECIFIED) {
		cause = place->cause;
	} else if (reason == K_QDISC_DROP && site->stopped) {
		cause = K_XMIT_STOPPED; /* the queueing discipline of a device that sends nothing */
	}
	cause = told_by_packet(cause, site);
	if (cause == NR_CAUSES) {
		*out = (struct weir_kernel_cause){
			.stage = stage, .network = true, .what = &unheard, .counter = ""};
		snprintf(out->name, sizeof(out->name), "%s", site->reason);
	} else {
		answer(out, cause, stage);
	}
	out->stage = directed(out->stage, cause, site);
	if (place && place->cause == K_NOT_NETWORK)
		out->network = false;
}

bool weir_kernel_cause_named(const char *name, struct weir_kernel_cause *out)
{
	for (unsigned int i = 0; i < NR_CAUSES; i++) {
		const char *known = weir_kernel_cause_info[i].what->name;
		size_t length = strlen(known);
		bool hook = i > BEFORE_HOOKS;

		if (strncasecmp(name, known, length) ||
			(name[length] && !(hook && name[length] == '/' && name[length + 1])))
			continue;
		answer(out, i, WEIR_STAGE_BY_LOCATION);
		snprintf(out->name + length, sizeof(out->name) - length, "%s", name + length);
		return true;
	}
	return false;
}
