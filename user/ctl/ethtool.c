// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a driver tells by ethtool's ioctls, which every kernel has. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <net/if.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "probe.h"

static int ask(const char *dev, void *command)
{
	__cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {};

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	ifr.ifr_data = command;
	return ioctl(fd, SIOCETHTOOL, &ifr) ? -errno : 0;
}

/* How many names the driver has in a set of them. */
static int count_names(const char *dev, unsigned int set, __u32 *nr)
{
	__u64 room[sizeof(struct ethtool_sset_info) / sizeof(__u64) + 1] = {};
	struct ethtool_sset_info *info = (struct ethtool_sset_info *)room;
	int rc;

	info->cmd = ETHTOOL_GSSET_INFO;
	info->sset_mask = 1ULL << set;
	rc = ask(dev, info);
	if (rc)
		return rc;
	if (!info->sset_mask || !info->data[0])
		return -EOPNOTSUPP;
	*nr = info->data[0];
	return 0;
}

int weir_features_get(const char *dev, struct weir_features *out)
{
	struct ethtool_gstrings *names = NULL;
	struct ethtool_gfeatures *bits = NULL;
	struct weir_features f = {};
	__u32 words;
	int rc;

	rc = count_names(dev, ETH_SS_FEATURES, &f.nr);
	if (rc)
		return rc;
	words = (f.nr + 31) / 32;
	names = calloc(1, sizeof(*names) + (size_t)f.nr * ETH_GSTRING_LEN);
	bits = calloc(1, sizeof(*bits) + words * sizeof(bits->features[0]));
	f.name = calloc(f.nr, sizeof(*f.name));
	f.active = calloc(words, sizeof(*f.active));
	rc = names && bits && f.name && f.active ? 0 : -ENOMEM;
	if (!rc) {
		*names = (struct ethtool_gstrings){
			.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = f.nr};
		*bits = (struct ethtool_gfeatures){.cmd = ETHTOOL_GFEATURES, .size = words};
		rc = ask(dev, names);
	}
	if (!rc)
		rc = ask(dev, bits);
	for (__u32 i = 0; !rc && i < f.nr; i++)
		memcpy(f.name[i], names->data + i * ETH_GSTRING_LEN, sizeof(f.name[i]) - 1);
	for (__u32 i = 0; !rc && i < words; i++)
		f.active[i] = bits->features[i].active;
	free(names);
	free(bits);
	if (rc)
		weir_features_done(&f);
	else
		*out = f;
	return rc;
}

void weir_features_done(struct weir_features *f)
{
	free(f->name);
	free(f->active);
	memset(f, 0, sizeof(*f));
}

int weir_feature(const struct weir_features *f, const char *name)
{
	for (__u32 i = 0; i < f->nr; i++)
		if (!strcmp(f->name[i], name))
			return f->active[i / 32] >> (i % 32) & 1;
	return -ENOENT;
}

int weir_hardware_get(const char *dev, struct weir_hardware *hw)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_ringparam ring = {.cmd = ETHTOOL_GRINGPARAM};
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	int rc = ask(dev, &driver);

	if (rc)
		return rc;
	memset(hw, 0, sizeof(*hw));
	snprintf(hw->driver, sizeof(hw->driver), "%.31s", driver.driver);
	hw->has_rings = !ask(dev, &ring) && ring.rx_max_pending;
	if (hw->has_rings) {
		hw->rx_ring = ring.rx_pending;
		hw->rx_ring_max = ring.rx_max_pending;
		hw->tx_ring = ring.tx_pending;
		hw->tx_ring_max = ring.tx_max_pending;
	}
	hw->has_channels = !ask(dev, &channels);
	if (hw->has_channels) {
		hw->channels = channels.combined_count + channels.rx_count;
		hw->channels_max = channels.max_combined > channels.max_rx ? channels.max_combined
									   : channels.max_rx;
	}
	return 0;
}

/* The kernel writes as many as there are when it is asked, whatever room we say there is: queues
 * may have been added since they were counted. */
#define SPARE_STATS 4096

int weir_driver_stats(
	const char *dev, void (*fn)(void *ctx, const char *name, __u64 value), void *ctx)
{
	struct ethtool_gstrings *names = NULL;
	struct ethtool_stats *stats = NULL;
	__u32 nr;
	int rc = count_names(dev, ETH_SS_STATS, &nr);

	if (rc)
		return rc;
	names = calloc(1, sizeof(*names) + ((size_t)nr + SPARE_STATS) * ETH_GSTRING_LEN);
	stats = calloc(1, sizeof(*stats) + ((size_t)nr + SPARE_STATS) * sizeof(stats->data[0]));
	rc = names && stats ? 0 : -ENOMEM;
	if (!rc) {
		*names = (struct ethtool_gstrings){
			.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = nr};
		*stats = (struct ethtool_stats){.cmd = ETHTOOL_GSTATS, .n_stats = nr};
		rc = ask(dev, names);
	}
	if (!rc)
		rc = ask(dev, stats);
	if (!rc && (names->len != nr || stats->n_stats != nr))
		rc = -EAGAIN; /* names and numbers are of different moments */
	for (__u32 i = 0; !rc && i < nr; i++) {
		char name[ETH_GSTRING_LEN + 1] = "";

		memcpy(name, names->data + i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		fn(ctx, name, stats->data[i]);
	}
	free(names);
	free(stats);
	return rc;
}
