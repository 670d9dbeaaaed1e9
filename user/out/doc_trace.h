/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets on the kernel's road as documents, text, and in files. */
#ifndef WEIR_DOC_TRACE_H
#define WEIR_DOC_TRACE_H

#include "model/kernel_trace.h"
#include "out/face.h"
#include "out/pcapng.h"

/* @offset_ns: from CLOCK_MONOTONIC to the time of day. NULL where memory ran out. */
json_t *weir_doc_traced(
	const struct weir_traced *p, const struct weir_trace_names *names, __u64 offset_ns);
void weir_text_traced(const struct weir_face *face, const json_t *doc);

/* Writes the packet with its document, which must be of it. 0 or -errno. */
int weir_write_traced(struct weir_pcapng *file, const struct weir_traced *p, const json_t *doc);

#endif
