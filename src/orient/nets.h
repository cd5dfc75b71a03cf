/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * nets: which addresses are monitored, and how many they are.
 *
 * Shape    immutable after nr_nets_new(): IPv4 as disjoint (net, mask) pairs, at most 8 searched in a row,
 *          more through a bitmap of /16s; IPv6 as prefixes in a row. Overlaps count once.
 * Cost     has(): about 2 ns for up to 8 IPv4 prefixes
 * Threads  any number may ask
 * Limits   NR_NETS_MAX prefixes
 *
 * Inference (when nobody said which addresses are monitored) looks at the first packets only. It accepts
 * up to NR_NETS_GUESS aligned blocks whose addresses receive and never send, are hit evenly in both
 * halves on every level, and of which as many distinct ones were hit as even chance would give.
 * Anything else is said plainly and N stays unknown: a two-way capture, too few packets, destinations
 * scattered over many blocks, or a block of which only some addresses seem to be monitored.
 */
#include "base/err.h"
#include "base/inet.h"
#include "observe/dissect/dissect.h"

enum { NR_NETS_MAX = 4096, NR_NETS_FEW = 8, NR_NETS_GUESS = 8, NR_NETS_SAMPLE = 1 << 17 };

struct nr_nets_v4 {
	uint32_t net, mask;
};

struct nr_nets {
	size_t n_v4, n_v6;
	uint64_t addresses_v4; /* N */
	struct nr_nets_v4 few[NR_NETS_FEW];
	struct nr_nets_v4 *many;  /* sorted, when n_v4 > NR_NETS_FEW */
	uint64_t *touched;	  /* bitmap of /16s, when n_v4 > NR_NETS_FEW */
	struct nr_prefix *v6;
};

/** @p prefixes are copied and normalised. @return 0; NR_EUSAGE; -ENOMEM */
NR_MUST_CHECK int nr_nets_new(const struct nr_prefix *prefixes, size_t n, struct nr_nets **ret_nets,
			      struct nr_err *reterr);
/** From words such as "198.18.0.0/16", as --net gives them. */
NR_MUST_CHECK int nr_nets_parse(const struct nr_str *words, size_t n, struct nr_nets **ret_nets, struct nr_err *reterr);
struct nr_nets *nr_nets_free(struct nr_nets *nets);
static inline void nr_nets_autofree(struct nr_nets **n)
{
	nr_nets_free(*n);
}

bool nr_nets_has_many(const struct nr_nets *nets, struct nr_ip ip);
static inline bool nr_nets_has(const struct nr_nets *nets, struct nr_ip ip)
{
	if (NR_LIKELY(nets->n_v4 <= NR_NETS_FEW && nr_ip_is_v4(ip))) {
		uint32_t addr = nr_ip_to_v4(ip);

		for (size_t i = 0; i < nets->n_v4; i++)
			if ((addr & nets->few[i].mask) == nets->few[i].net)
				return true;
		return false;
	}
	return nr_nets_has_many(nets, ip);
}

/** "198.18.0.0/16, 203.0.113.0/24" and how many more. @return length */
size_t nr_nets_print(const struct nr_nets *nets, char *out, size_t cap);

enum nr_nets_verdict {
	NR_NETS_GIVEN,	   /* named by the user */
	NR_NETS_INFERRED,
	NR_NETS_TOO_FEW,   /* too few packets that ask for an answer */
	NR_NETS_TWO_WAY,   /* the capture holds conversations: these addresses are in use */
	NR_NETS_SCATTERED, /* destinations in more blocks than NR_NETS_GUESS */
	NR_NETS_SPARSE,	   /* far fewer addresses hit than even chance would give */
};

struct nr_nets_guess {
	enum nr_nets_verdict verdict;
	uint64_t packets;     /* looked at */
	uint64_t unanswered;  /* of them scan or backscatter to addresses that never sent */
	uint64_t destinations; /* distinct addresses among those */
	uint64_t expected;    /* distinct ones that even chance would give in the blocks found */
	double two_way;	      /* share of packets between pairs seen in both directions */
	size_t n_blocks;      /* found, also when refused */
	struct nr_prefix blocks[NR_NETS_GUESS];
};

struct nr_nets_sample;

NR_MUST_CHECK int nr_nets_sample_new(struct nr_nets_sample **ret_sample);
struct nr_nets_sample *nr_nets_sample_free(struct nr_nets_sample *sample);
static inline void nr_nets_sample_autofree(struct nr_nets_sample **s)
{
	nr_nets_sample_free(*s);
}
/** A dissected and classified packet. @return false when the sample is full */
bool nr_nets_sample_add(struct nr_nets_sample *sample, const struct nr_packet *packet);
/** @p ret_nets is set to NULL unless the verdict is NR_NETS_INFERRED. @return 0; -ENOMEM */
NR_MUST_CHECK int nr_nets_infer(const struct nr_nets_sample *sample, struct nr_nets_guess *ret_guess,
				struct nr_nets **ret_nets);
/** One English sentence: what was inferred and how, or what is needed. @return length */
size_t nr_nets_explain(const struct nr_nets_guess *guess, char *out, size_t cap);
