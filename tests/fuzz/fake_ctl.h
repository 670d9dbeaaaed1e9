/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All of ctl.h without a kernel, for what is above it: two devices, whose counters grow. Every
 * second reading fails, so that what repeats comes to an end, and nothing sleeps.
 */
#ifndef TESTS_FUZZ_FAKE_CTL_H
#define TESTS_FUZZ_FAKE_CTL_H

/* How often it was asked for anything since fake_reset(). */
extern unsigned int fake_asked;

void fake_reset(void);

#endif
