/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The documents of the show commands, each with the text made from it. Makers return NULL when
 * memory ran out. @only is a device's name, or NULL for all; the caller has checked that it exists.
 */
#ifndef WEIR_DOC_H
#define WEIR_DOC_H

#include "model/account.h"
#include "model/delta.h"
#include "model/event.h"
#include "model/finding.h"
#include "model/drops.h"
#include "model/explain.h"
#include "model/explained.h"
#include "model/kernel.h"
#include "model/kernel_cause.h"
#include "model/kernel_coverage.h"
#include "model/kernel_trouble.h"
#include "model/latency.h"
#include "model/ruleset.h"
#include "model/session.h"
#include "model/trouble.h"
#include "out/face.h"

json_t *weir_doc_dev(const struct weir_snapshot *snap, const char *only);
void weir_text_dev(const struct weir_face *face, const json_t *doc);

json_t *weir_doc_path(const struct weir_snapshot *snap, const char *only);
void weir_text_path(const struct weir_face *face, const json_t *doc);

/* @have: what this kernel has, NULL where it could not be tried. */
json_t *weir_doc_coverage(const struct weir_kfeatures *have);
void weir_text_coverage(const struct weir_face *face, const json_t *doc);

json_t *weir_doc_drops(const struct weir_snapshot *snap, const char *only);
void weir_text_drops(const struct weir_face *face, const json_t *doc);

/*
 * What a cause is: in the fast plane (WEIR_CAUSE_COUNT: not there), in the kernel's (NULL: not
 * there); one of them it has.
 */
json_t *weir_doc_cause(enum weir_cause cause, const struct weir_kernel_cause *kernel);
void weir_text_cause(const struct weir_face *face, const json_t *doc);

json_t *weir_doc_ledger(const struct weir_snapshot *snap, const char *only);
void weir_text_ledger(const struct weir_face *face, const json_t *doc);

/* @option: as weir_trouble_tell() asks for it; @wall_s: seconds since 1970. */
json_t *weir_doc_top(const struct weir_snapshot *snap, const struct weir_delta *delta,
	const struct weir_trouble *trouble, const struct weir_drops *drops, const char *option,
	__u64 wall_s);
/* Of the kernel plane, which is the member "kernel" of it; @why it could not be read, or "". */
json_t *weir_doc_kernel_top(const struct weir_kernel_delta *delta,
	const struct weir_kernel_seen_list *drops, const struct weir_kernel_trouble *trouble,
	const char *option, const char *why);
void weir_text_kernel_top(const struct weir_face *face, const json_t *doc);
/* Samples between powers of two, where there are any. */
json_t *weir_doc_histogram(const struct weir_lat_stage *lat);
void weir_text_top(const struct weir_face *face, const json_t *doc);

/* What is observed: @every as of the fast plane, 0 = none timed; @kernel NULL: not asked for. */
json_t *weir_doc_watch(__u32 every, const struct weir_kernel_snapshot *kernel,
	const struct weir_kernel_costs *costs);
void weir_text_watch(const struct weir_face *face, const json_t *doc);

/* The kernel plane. */
json_t *weir_doc_kernel_path(const struct weir_kernel_snapshot *snap, const char *only);
void weir_text_kernel_path(const struct weir_face *face, const json_t *doc);
json_t *weir_doc_kernel_drops(const struct weir_kernel_snapshot *snap, const char *only);
void weir_text_kernel_drops(const struct weir_face *face, const json_t *doc);
/* @only: of the devices; namespaces are all there. */
json_t *weir_doc_kernel_ledger(const struct weir_kernel_snapshot *snap, const char *only);
void weir_text_kernel_ledger(const struct weir_face *face, const json_t *doc);
/* Of the fast plane, with the kernel plane's document in it as "kernel". */
weir_text_fn weir_text_paths, weir_text_all_drops, weir_text_ledgers;
/* Whose rule a drop of netfilter may be, where that is more than one. */
json_t *weir_doc_kernel_candidates(const struct weir_kernel_drop *drop);
/* What observers lost themselves: under "lost" of a document. */
json_t *weir_doc_kernel_lost(const struct weir_klost *lost);
void weir_text_kernel_lost(const struct weir_face *face, const json_t *doc);

/* One captured packet: @wall_ns since 1970, its device's name and that of the one it goes out by
 * ("" = none). */
json_t *weir_doc_capture(
	const struct weir_capture *packet, __u64 wall_ns, const char *dev, const char *out);
/* What the head of a frame, of @len bytes, says of the packet, as members of @doc; and these as text. */
void weir_put_packet(json_t *doc, const __u8 *head, unsigned int len, __u32 tag);
void weir_text_packet(const struct weir_face *face, const json_t *doc);
void weir_text_capture(const struct weir_face *face, const json_t *doc);
/* What the hook made of it, in a few words: "forwarded to r1", "dropped at ip_rcv: IP_CSUM". */
void weir_capture_words(
	const struct weir_capture *packet, const char *out, char *text, size_t size);
void weir_exit_words(enum weir_exit exit, enum weir_hook hook, bool punt_drop, const char *out,
	char *text, size_t size);

/* @kernel: its release. */
json_t *weir_doc_doctor(const struct weir_findings *findings, const char *kernel);
void weir_text_doctor(const struct weir_face *face, const json_t *doc);

/* One event; @wall_s: seconds since 1970 when it was seen. */
json_t *weir_doc_event(const struct weir_event *event, __u64 wall_s);
void weir_text_event(const struct weir_face *face, const json_t *doc);

/* Rules in their order; @counts[i]: what set->rules[i] has matched. NAT has no policies. */
json_t *weir_doc_rules(const struct weir_ruleset_model *set, const struct weir_rule_count *counts);
void weir_text_rules(const struct weir_face *face, const json_t *doc);

/* A rule without its id, which stands beside it. */
json_t *weir_doc_rule_text(const struct weir_rule *rule);

/* What the fast path would make of a packet; @filter, @nat: whose rules it has asked. */
json_t *weir_doc_explanation(const struct weir_packet *packet, const struct weir_explanation *e,
	const struct weir_ruleset_model *filter, const struct weir_ruleset_model *nat);
void weir_text_explanation(const struct weir_face *face, const json_t *doc);

/* NAT's rules, and what it has given: pools, sessions, limits. */
json_t *weir_doc_nat(const struct weir_ruleset_model *set, const struct weir_rule_count *counts,
	const struct weir_nat_use *use);
void weir_text_nat(const struct weir_face *face, const json_t *doc);

/* How long sessions last: what is set, what is the default, and the least. */
json_t *weir_doc_timeouts(const struct weir_nat_state *state);
void weir_text_timeouts(const struct weir_face *face, const json_t *doc);

/* Who is behind what was asked for. */
json_t *weir_doc_answers(const struct weir_asked *asked, const struct weir_answers *answers);
void weir_text_answers(const struct weir_face *face, const json_t *doc);

/*
 * Sessions, one by one as they are read, for there may be millions: a line of text for each, or the members of one
 * document's list. begin, each, end; without memory, and without a document in it.
 */
void weir_sessions_begin(const struct weir_face *face);
void weir_sessions_put(
	const struct weir_face *face, const struct weir_seen_session *seen, bool first);
/* @more: how to ask for the next page, "" = there is none to be asked for. */
void weir_sessions_end(
	const struct weir_face *face, const struct weir_sessions_read *read, const char *more);

/* Named sets; with their elements where @only names one. */
json_t *weir_doc_sets(const struct weir_set *sets, size_t nr, const char *only);
void weir_text_sets(const struct weir_face *face, const json_t *doc);

/* Parts that several documents share. */
const char *weir_dev_state(const struct weir_dev_snapshot *dev);
bool weir_is_chosen(const struct weir_dev_snapshot *dev, const char *only);
json_t *weir_doc_latency(const struct weir_lat_stage *stage);

/* Appends what an exit did to @list. Bytes that nobody tells are null. */
int weir_doc_exit(json_t *list, enum weir_exit exit, struct weir_count count);

/* Largest number under @key first. */
int weir_doc_sort(json_t **list, const char *key);

/* Where no device is attached says so, and returns true. */
bool weir_text_no_device(const struct weir_face *face, const json_t *doc);

#endif
