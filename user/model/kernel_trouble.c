// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "model/kernel_trouble.h"
#include "model/tables.h"

static const char *stage_name(enum weir_stage stage)
{
	return stage < WEIR_STAGE_COUNT ? weir_stage_info[stage].name : "an unknown place";
}

const char *weir_kernel_place(const struct weir_kernel_dev *dev, char *buf, size_t size)
{
	const char *name = !strcmp(dev->name, "-")	   ? "no device"
			   : !strcmp(dev->name, "machine") ? "the machine"
							   : dev->name;

	snprintf(buf, size, "%s%s%s", name, dev->netns[0] ? " in " : "", dev->netns);
	return buf;
}

/* --- trouble --- */

static __u64 all_lost(const struct weir_kernel_delta *delta, unsigned int *most)
{
	const __u64 *lost = (const __u64 *)&delta->lost;
	__u64 sum = 0;

	*most = 0;
	for (unsigned int i = 0; i < WEIR_KLOSS_COUNT; i++) {
		sum += lost[i];
		if (lost[i] > lost[*most])
			*most = i;
	}
	return sum;
}

/* Times that were not taken make no number wrong. */
static __u64 lost_of(const struct weir_kernel_delta *delta, unsigned int *most)
{
	struct weir_kernel_delta counts = {.lost = delta->lost};

	counts.lost.times_lost = counts.lost.socks_full = 0;
	return all_lost(&counts, most);
}

static const struct weir_kernel_seen *find_seen(const struct weir_kernel_seen_list *list, __u64 key)
{
	for (unsigned int i = 0; i < list->nr; i++)
		if (list->seen[i].key == key)
			return &list->seen[i];
	return NULL;
}

static void find(struct weir_kernel_trouble *t, const struct weir_kernel_delta *delta,
	const struct weir_kernel_seen_list *list)
{
	unsigned int worst = 0;

	while (worst < list->nr && list->seen[worst].drop->aside)
		worst++;
	*t = (struct weir_kernel_trouble){.kind = WEIR_KERNEL_TROUBLE_NONE};
	if (!delta->now->on) {
		t->kind = WEIR_KERNEL_TROUBLE_OFF;
	} else if (worst < list->nr && list->seen[worst].rate_count) {
		t->kind = WEIR_KERNEL_TROUBLE_DROPS;
		t->key = list->seen[worst].key;
		t->count = list->seen[worst].rate_count;
	} else if (weir_kernel_blind(delta->now)) {
		t->kind = WEIR_KERNEL_TROUBLE_BLIND;
	} else if (lost_of(delta, &t->loss)) {
		t->kind = WEIR_KERNEL_TROUBLE_LOST;
		t->count = lost_of(delta, &t->loss);
	}
}

void weir_kernel_trouble_follow(struct weir_kernel_trouble *trouble,
	const struct weir_kernel_delta *delta, const struct weir_kernel_seen_list *list,
	__u64 wall_s, bool first)
{
	struct weir_kernel_trouble now;
	const struct weir_kernel_seen *seen;

	find(&now, delta, list);
	seen = find_seen(list, now.key);
	if (!first && now.kind == trouble->kind && now.key == trouble->key) {
		now.since_s = trouble->since_s;
		now.began_unseen = trouble->began_unseen;
	} else if (first && seen && !seen->began_unseen) {
		now.since_s = seen->first_s; /* observers were there before us */
	} else {
		now.since_s = wall_s;
		now.began_unseen = first;
	}
	*trouble = now;
}

bool weir_kernel_trouble_is_none(const struct weir_kernel_trouble *trouble)
{
	return trouble->kind == WEIR_KERNEL_TROUBLE_OFF ||
	       trouble->kind == WEIR_KERNEL_TROUBLE_NONE;
}

static void tell_drops(const struct weir_kernel_seen *seen, const struct weir_kernel_delta *delta,
	struct weir_told *told)
{
	char place[96], rate[WEIR_NUM_MAX];

	weir_format_si(rate, sizeof(rate), weir_kernel_rate(delta, seen->rate_count), "");
	snprintf(told->text, sizeof(told->text), "%s drops %s/s for %s on %s: %s",
		stage_name(seen->drop->stage), rate, seen->drop->cause,
		weir_kernel_place(seen->dev, place, sizeof(place)), seen->drop->text);
	snprintf(told->remedy, sizeof(told->remedy), "weir drop explain %s", seen->drop->cause);
}

void weir_kernel_trouble_tell(const struct weir_kernel_trouble *t,
	const struct weir_kernel_delta *delta, const struct weir_kernel_seen_list *list,
	const char *option, struct weir_told *told)
{
	const struct weir_kernel_seen *seen = find_seen(list, t->key);
	size_t size = sizeof(told->text), remedy_size = sizeof(told->remedy);
	char rate[WEIR_NUM_MAX];

	weir_format_si(rate, sizeof(rate), weir_kernel_rate(delta, t->count), "");
	snprintf(told->remedy, remedy_size, "weir%s path show plane kernel", option);
	snprintf(told->text, size, "the kernel drops nothing");
	switch (t->kind) {
	case WEIR_KERNEL_TROUBLE_DROPS:
		if (seen)
			tell_drops(seen, delta, told);
		break;
	case WEIR_KERNEL_TROUBLE_BLIND:
		snprintf(told->text, size,
			"stages are not observed: the process that does so is gone");
		snprintf(told->remedy, remedy_size, "weir%s watch on %s", option,
			delta->now->watch.level == WEIR_KLEVEL_full ? "full" : "latency 1/128");
		break;
	case WEIR_KERNEL_TROUBLE_LOST:
		snprintf(told->text, size, "weir itself lost %s/s: %s", rate,
			weir_kloss_info[t->loss].text);
		snprintf(told->remedy, remedy_size, "weir%s watch show", option);
		break;
	case WEIR_KERNEL_TROUBLE_OFF:
		snprintf(told->text, size,
			"the kernel plane is not watched: what Linux drops is "
			"not seen");
		snprintf(told->remedy, remedy_size, "weir%s watch on drops", option);
		break;
	case WEIR_KERNEL_TROUBLE_NONE:
		break;
	}
}

/* --- diagnosis --- */

/* A remedy's words for what is known of this very packet; NULL: as it stands. */
static const char *meant(const char *word, size_t len, const struct weir_kernel_seen *seen,
	char buf[INET_ADDRSTRLEN])
{
	const struct weir_kdrop *last = &seen->drop->count;

	if (len == 3 && !memcmp(word, "DEV", len))
		return seen->dev->ifindex ? seen->dev->name : NULL;
	if (last->version != 4)
		return NULL;
	if (len == 4 && !memcmp(word, "ADDR", len))
		return inet_ntop(AF_INET, &last->daddr, buf, INET_ADDRSTRLEN);
	if (len == 3 && !memcmp(word, "SRC", len))
		return inet_ntop(AF_INET, &last->saddr, buf, INET_ADDRSTRLEN);
	return NULL;
}

static void fill_in(char *buf, size_t size, const char *text, const struct weir_kernel_seen *seen)
{
	size_t used = 0;
	char addr[INET_ADDRSTRLEN];

	*buf = '\0';
	while (*text && used < size) {
		size_t len = 0;
		const char *word;
		int n;

		while (isalnum((unsigned char)text[len]) || text[len] == '_')
			len++;
		word = meant(text, len, seen, addr);
		len += !len; /* what is no word */
		n = word ? snprintf(buf + used, size - used, "%s", word)
			 : snprintf(buf + used, size - used, "%.*s", (int)len, text);
		used += n > 0 ? (size_t)n : 0;
		text += len;
	}
}

/* The rule that a netfilter drop is of, "" where it is not known. */
static const char *rule_of(const char *cause)
{
	static const char netfilter[] = "NETFILTER_DROP/";
	const char *rule;

	if (strncmp(cause, netfilter, sizeof(netfilter) - 1))
		return "";
	rule = strchr(cause + sizeof(netfilter) - 1, '/');
	return rule ? rule + 1 : "";
}

/* "one of ip raw/PREROUTING, ip t/x: " */
static void tell_candidates(const struct weir_kernel_drop *d, char *buf, size_t size)
{
	const char *at = d->candidates;
	size_t n = 0;

	buf[0] = 0;
	for (const char *head = "one of "; *at && n < size; head = ", ") {
		size_t length = strcspn(at, "\n");

		n += (size_t)snprintf(buf + n, size - n, "%s%.*s", head, (int)length, at);
		at += length;
		at += *at == '\n';
	}
	if (n && n < size)
		snprintf(buf + n, size - n, ": ");
}

static void tell_who(const struct weir_kernel_seen *seen, char *buf, size_t size)
{
	const struct weir_kernel_drop *d = seen->drop;
	const char *rule = rule_of(d->cause);
	char candidates[200];
	int n;

	tell_candidates(d, candidates, sizeof(candidates));
	if (d->witness == WEIR_KERNEL_COUNTER)
		n = snprintf(buf, size, "counted by the kernel as %s; no single packet was seen",
			d->location);
	else if (d->witness == WEIR_KERNEL_SEND)
		n = snprintf(buf, size, "a program's send failed");
	else if (*rule)
		n = snprintf(buf, size, "%s, by %s", rule, d->location);
	else
		n = snprintf(buf, size, "%sthe kernel in %s%s%s", candidates, d->location,
			*d->caller ? ", called by " : "", d->caller);
	if (n > 0 && (size_t)n < size && d->count.cgroup)
		n += snprintf(buf + n, size - (size_t)n, "; its socket is of cgroup %llu",
			(unsigned long long)d->count.cgroup);
	if (n > 0 && (size_t)n < size && *seen->dev->netns)
		snprintf(buf + n, size - (size_t)n, "; in namespace %s", seen->dev->netns);
}

static void tell_when(const struct weir_kernel_seen *seen, char *buf, size_t size)
{
	char first[16], last[16];

	weir_format_clock(first, sizeof(first), seen->first_s);
	weir_format_clock(last, sizeof(last), seen->last_s);
	snprintf(buf, size, "since %s%s%s%s, %llu in all", seen->began_unseen ? "before " : "",
		first, seen->last_s ? ", the last at " : "", seen->last_s ? last : "",
		(unsigned long long)seen->total);
}

void weir_kernel_diagnose(const struct weir_kernel_seen *seen,
	const struct weir_kernel_delta *delta, struct weir_kernel_diagnosis *out)
{
	const struct weir_kernel_drop *d = seen->drop;
	char place[96], rate[WEIR_NUM_MAX], where[96];
	double pps = weir_kernel_rate(delta, seen->rate_count);

	weir_format_si(rate, sizeof(rate), pps, "/s");
	weir_kernel_place(seen->dev, place, sizeof(place));
	snprintf(where, sizeof(where), "%s%s%s%s", stage_name(d->stage),
		d->stage < WEIR_STAGE_COUNT ? " (" : "",
		d->stage < WEIR_STAGE_COUNT ? weir_stage_info[d->stage].text : "",
		d->stage < WEIR_STAGE_COUNT ? ")" : "");
	snprintf(out->what, sizeof(out->what), "%s%s at %s on %s for %s: %s",
		pps > 0 ? rate : "none now; it was", pps > 0 ? " is lost" : "", where, place,
		d->cause, d->text);
	tell_when(seen, out->when, sizeof(out->when));
	tell_who(seen, out->who, sizeof(out->who));
	weir_kernel_example(&d->count, out->example, sizeof(out->example));
	fill_in(out->remedy, sizeof(out->remedy), d->remedy, seen);
	snprintf(out->closer, sizeof(out->closer), "weir drop explain %s", d->cause);
}
