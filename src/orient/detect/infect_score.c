/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <math.h>

#include "orient/detect/infect_int.h"

const double nr_infect_weights[NR_INFECT_TERM_N] = {
	[NR_INFECT_MIRAI] = 9,	    [NR_INFECT_MIRAI_ONE] = 4,	 [NR_INFECT_CONFICKER] = 6,
	[NR_INFECT_EXPLOIT] = 8,    [NR_INFECT_HAJIME] = 2,	 [NR_INFECT_SCANNER] = 2,
	[NR_INFECT_CONSISTENT] = 1, [NR_INFECT_BENIGN_ACK] = -6, [NR_INFECT_BENIGN_CLAIMED] = -3,
	[NR_INFECT_SPOOF] = -5,	    [NR_INFECT_HOSTING] = -3,	 [NR_INFECT_BACKSCATTER] = -4,
};

enum { TTL_SPREAD = 2, CONSISTENT_PACKETS = 3, SPOOF_FROM = 128 };

/* Does @p text begin with a letter and a next one with which some word begins? Tells nearly every place off. */
static bool may_begin(const char *text, const uint32_t seconds[26])
{
	unsigned first = (unsigned)(text[0] - 'a'), second = (unsigned char)text[1];

	return first < 26 && (seconds[first] >> (second & 31) & 1) != 0;
}

/* Words in the name of an AS that rents servers. Coarse on purpose: it shifts by 3, it never decides. */
bool infect_is_hosting(const char *as_name)
{
	static const char *const words[] = {
		"hosting", "cloud",    "server",  "datacenter", "data center",	"vps",
		"colo",	   "amazon",   "google",  "microsoft",	"digitalocean", "ovh",
		"hetzner", "linode",   "akamai",  "vultr",	"choopa",	"contabo",
		"m247",	   "leaseweb", "alibaba", "tencent"
	};
	uint32_t seconds[26] = { 0 };
	char low[128];
	size_t n = 0;

	if (as_name == NULL)
		return false;
	for (; as_name[n] != '\0' && n < sizeof(low) - 1; n++)
		low[n] = (char)tolower((unsigned char)as_name[n]);
	low[n] = '\0';
	for (size_t i = 0; i < NR_COUNT(words); i++)
		seconds[words[i][0] - 'a'] |= UINT32_C(1) << ((unsigned char)words[i][1] & 31);
	for (const char *at = low; *at != '\0'; at++)
		for (size_t i = 0; may_begin(at, seconds) && i < NR_COUNT(words); i++)
			if (words[i][0] == at[0] && strncmp(at, words[i], strlen(words[i])) == 0)
				return true;
	return false;
}

/*
 * Well-known resolvers and the DNS root: anycast services that answer and never start a connection to us.
 * Whoever forges sources likes them, and a warning about them would do harm.
 */
static bool is_known_service(struct nr_ip ip)
{
	static const uint32_t v4[] = {
		0x08080808, 0x08080404, 0x01010101, 0x01000001, 0x09090909, 0x95707070, 0xd043dede,
		0xd043dcdc, 0xc6290004, 0xaaf7aa02, 0xc021040c, 0xc7075b0d, 0xc0cbe60a, 0xc00505f1,
		0xc0702404, 0xc661be35, 0xc0249411, 0xc03a801e, 0xc1000e81, 0xc707532a, 0xca0c1b21,
	};
	static const uint8_t v6[][16] = {
		{ 0x20, 0x01, 0x48, 0x60, 0x48, 0x60, [14] = 0x88, [15] = 0x88 },
		{ 0x20, 0x01, 0x48, 0x60, 0x48, 0x60, [14] = 0x88, [15] = 0x44 },
		{ 0x26, 0x06, 0x47, 0x00, 0x47, 0x00, [14] = 0x11, [15] = 0x11 },
		{ 0x26, 0x06, 0x47, 0x00, 0x47, 0x00, [14] = 0x10, [15] = 0x01 },
		{ 0x26, 0x20, 0x00, 0xfe, [15] = 0xfe },
	};

	if (nr_ip_is_v4(ip)) {
		for (size_t i = 0; i < NR_COUNT(v4); i++)
			if (v4[i] == nr_ip_to_v4(ip))
				return true;
		return false;
	}
	for (size_t i = 0; i < NR_COUNT(v6); i++)
		if (memcmp(v6[i], ip.b, sizeof(ip.b)) == 0)
			return true;
	return false;
}

bool infect_is_impossible(struct nr_ip ip)
{
	switch (nr_ip_kind(ip)) {
	case NR_IP_GLOBAL:
	case NR_IP_PRIVATE:	  /* a monitored network may hold some */
	case NR_IP_DOCUMENTATION: /* tests and labs */
		return is_known_service(ip);
	case NR_IP_UNSPECIFIED:
	case NR_IP_LOOPBACK:
	case NR_IP_LINK_LOCAL:
	case NR_IP_MULTICAST:
	case NR_IP_BROADCAST:
	case NR_IP_RESERVED:
		return true;
	}
	return true;
}

static void apply(struct nr_infect_evidence *ev, enum nr_infect_term term, bool applies)
{
	ev->terms[term] = applies ? nr_infect_weights[term] : 0;
	ev->score += ev->terms[term];
}

static void score_marks(const struct infect_context *all, struct nr_infect_evidence *ev)
{
	bool mirai = all->tools >> NR_MARK_MIRAI & 1,
	     conficker = all->tools >> NR_MARK_CONFICKER & 1;
	bool hajime = all->tools >> NR_MARK_HAJIME & 1, exploit = all->marks[INFECT_EXPLOIT] > 0;
	/* One choice in 2^32 carries it by chance, and a repeated SYN carries it again: among many packets
	 * without it that is no sign. */
	bool one = !mirai && all->marks[INFECT_MIRAI] > 0 &&
		   all->marks[INFECT_MIRAI] * UINT64_C(2) >= all->packets;

	apply(ev, NR_INFECT_MIRAI, mirai);
	apply(ev, NR_INFECT_MIRAI_ONE, one);
	apply(ev, NR_INFECT_CONFICKER, conficker);
	apply(ev, NR_INFECT_EXPLOIT, exploit);
	apply(ev, NR_INFECT_HAJIME, hajime);
	apply(ev, NR_INFECT_SCANNER,
	      !(mirai || one || conficker || exploit || hajime) && all->level >= NR_LEVEL_SCANNER);
	ev->family = mirai || one ? NR_FAMILY_MIRAI
		     : exploit	  ? NR_FAMILY_EXPLOIT
		     : conficker  ? NR_FAMILY_CONFICKER
		     : hajime	  ? NR_FAMILY_HAJIME
				  : NR_FAMILY_NONE;
}

void infect_score(const struct nr_detect_env *env, const struct infect_entry *e,
		  const struct infect_context *all, struct nr_infect_evidence *ev)
{
	struct nr_origin origin =
		nr_prefixes_origin(env->prefixes,
				   env->prefixes ? nr_prefixes_find(env->prefixes, e->ip) : 0);
	bool forged = all->spoof >= SPOOF_FROM, impossible = infect_is_impossible(e->ip);

	score_marks(all, ev);
	apply(ev, NR_INFECT_CONSISTENT,
	      !forged && !impossible && all->packets >= CONSISTENT_PACKETS &&
		      all->ttl_max - all->ttl_min <= TTL_SPREAD);
	apply(ev, NR_INFECT_BENIGN_ACK, all->benign == NR_BENIGN_ACK);
	apply(ev, NR_INFECT_BENIGN_CLAIMED, all->benign == NR_BENIGN_CLAIMED);
	apply(ev, NR_INFECT_SPOOF, forged || impossible);
	apply(ev, NR_INFECT_HOSTING, infect_is_hosting(origin.as_name));
	apply(ev, NR_INFECT_BACKSCATTER, all->traffic_class == NR_CLASS_BACKSCATTER);
	ev->verdict = ev->score >= NR_INFECT_CONFIRMED_FROM  ? NR_INFECT_CONFIRMED
		      : ev->score >= NR_INFECT_PROBABLE_FROM ? NR_INFECT_PROBABLE
		      : ev->score >= NR_INFECT_WATCH_FROM    ? NR_INFECT_WATCH
							     : NR_INFECT_NONE;
	/* Packets alone never confirm an address that anybody could have written into them. */
	if (ev->verdict == NR_INFECT_CONFIRMED && all->certainty != NR_CERTAINTY_CONFIRMED)
		ev->verdict = NR_INFECT_PROBABLE;
	if (impossible && ev->verdict > NR_INFECT_WATCH)
		ev->verdict = NR_INFECT_WATCH;
}
