/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef WEIR_CTL_NFT_RULES_H
#define WEIR_CTL_NFT_RULES_H

#include "nft.h"
#include "priv.h"

/* The rule set of the calling thread's network namespace. 0 or -errno; the caller owns it on
 * success. */
int weir_nft_read(struct weir_nft_ruleset *r);

#endif
