/* SPDX-License-Identifier: Apache-2.0 */
#include "orient/infer.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"

enum {
	MIN_UNANSWERED = 64,   /* below, even a /26 shows too few of its addresses */
	MIN_DESTINATIONS = 16, /* fewer may be hosts that somebody talks to, not a block */
	MIN_BITS = 8,	       /* no telescope is larger than a /8 */
	CHECK_LEVELS = 3,      /* levels below a block on which both halves must be hit */
	PER_SOURCE = 4, /* destinations by which one source speaks for the shape of the block */
	MANY_SPEAKERS = 1024, /* with fewer, every pair speaks */
};

/* Share of packets in conversations: stray answers of a mislabelled host still pass. */
static const double max_two_way = 0.05;
/* Share of what is looked at that may lie outside the blocks, in all. */
static const double stray_share = 0.01;
/* Least share of the smaller half of distinct addresses in a block. */
static const double even_share = 0.2;
/* Least share of the distinct addresses that even chance would hit. */
static const double min_filled = 0.5;

struct nr_infer {
	size_t n;
	uint64_t *pairs; /* src << 32 | dst */
};

int nr_infer_new(struct nr_infer **ret_infer)
{
	struct nr_infer *infer = calloc(1, sizeof(*infer));

	if (infer == NULL)
		return -ENOMEM;
	infer->pairs = malloc(NR_INFER_SAMPLE * sizeof(*infer->pairs));
	if (infer->pairs == NULL) {
		free(infer);
		return -ENOMEM;
	}
	*ret_infer = infer;
	return 0;
}

struct nr_infer *nr_infer_free(struct nr_infer *infer)
{
	if (infer != NULL)
		free(infer->pairs);
	free(infer);
	return NULL;
}

bool nr_infer_add(struct nr_infer *infer, const struct nr_packet *packet)
{
	if (infer->n == NR_INFER_SAMPLE)
		return false;
	/* Local chatter (broadcast, multicast, link-local) is addressed to nobody in particular. */
	enum nr_ip_kind kind = nr_ip_kind(packet->dst);

	if (!packet->is_v4 || kind == NR_IP_MULTICAST || kind == NR_IP_BROADCAST ||
	    kind == NR_IP_LINK_LOCAL || kind == NR_IP_UNSPECIFIED)
		return true;
	infer->pairs[infer->n++] = (uint64_t)nr_ip_to_v4(packet->src) << 32 |
				   nr_ip_to_v4(packet->dst);
	return true;
}

static int cmp_u64(const void *va, const void *vb)
{
	uint64_t a = *(const uint64_t *)va, b = *(const uint64_t *)vb;

	return (a > b) - (a < b);
}

/* First index in the sorted list with value >= key. */
static size_t lower_bound(const uint64_t *list, size_t n, uint64_t key)
{
	size_t lo = 0;

	while (lo < n) {
		size_t mid = lo + (n - lo) / 2;

		if (list[mid] < key)
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

static bool has_pair(const struct nr_infer *infer, uint64_t pair)
{
	size_t at = lower_bound(infer->pairs, infer->n, pair);

	return at < infer->n && infer->pairs[at] == pair;
}

static bool has_sender(const struct nr_infer *infer, uint32_t addr)
{
	size_t at = lower_bound(infer->pairs, infer->n, (uint64_t)addr << 32);

	return at < infer->n && infer->pairs[at] >> 32 == addr;
}

/* Distinct silent destinations: address << 32 | (source, destination) pairs that chose it. */
struct dests {
	uint64_t *list;
	size_t n;
	uint64_t pairs;
};

/*
 * One source that sweeps in order must not decide what the block looks like: of each source the
 * PER_SOURCE pairs with the smallest hash speak for it.
 */
static size_t speakers_of(const uint64_t *run, size_t n, bool all, uint64_t *out)
{
	uint64_t best[PER_SOURCE];
	size_t n_best = 0;

	if (all || n <= PER_SOURCE) {
		memmove(out, run, n * sizeof(*run));
		return n;
	}
	for (size_t i = 0; i < n; i++) {
		size_t at = n_best;

		while (at > 0 && nr_mix64(best[at - 1]) > nr_mix64(run[i]))
			at--;
		if (at == PER_SOURCE)
			continue;
		n_best += n_best < PER_SOURCE;
		memmove(best + at + 1, best + at, (n_best - at - 1) * sizeof(*best));
		best[at] = run[i];
	}
	memcpy(out, best, n_best * sizeof(*best));
	return n_best;
}

/* Pairs whose destination never sends, each once, in place; sorted by source. */
static size_t silent_pairs(struct nr_infer *infer, struct nr_infer_result *result)
{
	uint64_t last = 0;
	size_t n = 0, two_way = 0;
	uint8_t *keep = calloc(infer->n + 1, 1);

	if (keep == NULL) /* nothing is inferred then: too few */
		return 0;
	for (size_t i = 0; i < infer->n; i++) {
		two_way += has_pair(infer, infer->pairs[i] << 32 | infer->pairs[i] >> 32);
		keep[i] = !has_sender(infer, (uint32_t)infer->pairs[i]);
		result->unanswered += keep[i];
	}
	result->packets = infer->n;
	result->two_way = infer->n > 0 ? (double)two_way / (double)infer->n : 0;
	for (size_t i = 0; i < infer->n; i++) {
		if (!keep[i] || (n > 0 && infer->pairs[i] == last))
			continue;
		last = infer->pairs[i];
		infer->pairs[n++] = last;
	}
	free(keep);
	return n;
}

static size_t speakers(struct nr_infer *infer, size_t n, bool all)
{
	size_t n_out = 0;

	for (size_t begin = 0, end; begin < n; begin = end) {
		for (end = begin + 1;
		     end < n && infer->pairs[end] >> 32 == infer->pairs[begin] >> 32;)
			end++;
		n_out += speakers_of(infer->pairs + begin, end - begin, all, infer->pairs + n_out);
	}
	return n_out;
}

/* How many pairs would be left if each source had PER_SOURCE voices at most. */
static size_t count_speakers(const struct nr_infer *infer, size_t n)
{
	size_t n_out = 0;

	for (size_t begin = 0, end; begin < n; begin = end) {
		for (end = begin + 1;
		     end < n && infer->pairs[end] >> 32 == infer->pairs[begin] >> 32;)
			end++;
		n_out += nr_min_size(end - begin, PER_SOURCE);
	}
	return n_out;
}

/* Reuses the memory of the pairs: nothing asks for them afterwards. */
static struct dests silent_destinations(struct nr_infer *infer, struct nr_infer_result *result)
{
	struct dests dests = { .list = infer->pairs };
	size_t n = silent_pairs(infer, result);

	n = speakers(infer, n, count_speakers(infer, n) < MANY_SPEAKERS);
	for (size_t i = 0; i < n; i++)
		infer->pairs[i] <<= 32;
	qsort(dests.list, n, sizeof(*dests.list), cmp_u64);
	for (size_t i = 0; i < n; i++) {
		if (dests.n > 0 && dests.list[dests.n - 1] >> 32 == dests.list[i] >> 32)
			dests.list[dests.n - 1]++;
		else
			dests.list[dests.n++] = dests.list[i] + 1;
	}
	dests.pairs = n;
	return dests;
}

struct node {
	uint32_t net;
	unsigned bits;
	size_t begin, end; /* of dests.list */
};

static struct node child_of(const struct dests *dests, struct node node, unsigned side)
{
	uint32_t half = UINT32_C(1) << (31 - node.bits);
	size_t mid = lower_bound(dests->list, dests->n, (uint64_t)(node.net | half) << 32);

	mid = mid < node.begin ? node.begin : mid > node.end ? node.end : mid;
	if (side == 0)
		return (struct node){ node.net, node.bits + 1, node.begin, mid };
	return (struct node){ node.net | half, node.bits + 1, mid, node.end };
}

static uint64_t pairs_of(const struct dests *dests, struct node node)
{
	uint64_t sum = 0;

	for (size_t i = node.begin; i < node.end; i++)
		sum += (uint32_t)dests->list[i];
	return sum;
}

/*
 * Are the distinct addresses spread over both halves, and over their halves, CHECK_LEVELS down? Small nodes
 * are left alone: chance alone empties them.
 */
static bool is_even(const struct dests *dests, struct node node)
{
	struct node level[1 << CHECK_LEVELS] = { node };
	size_t n = 1;

	for (unsigned depth = 0; depth < CHECK_LEVELS; depth++) {
		struct node next[1 << CHECK_LEVELS];
		size_t n_next = 0;

		for (size_t i = 0; i < n; i++) {
			if (level[i].bits >= 32 || level[i].end - level[i].begin < MIN_DESTINATIONS)
				continue;
			struct node left = child_of(dests, level[i], 0),
				    right = child_of(dests, level[i], 1);
			size_t a = left.end - left.begin, b = right.end - right.begin;

			if ((double)(a < b ? a : b) < even_share * (double)(a + b))
				return false;
			next[n_next++] = left;
			next[n_next++] = right;
		}
		memcpy(level, next, n_next * sizeof(next[0]));
		n = n_next;
	}
	return true;
}

struct search {
	const struct dests *dests;
	struct nr_infer_result *result;
	uint64_t stray_budget, strays;
	bool scattered;
};

static void accept_block(struct search *search, struct node node)
{
	struct nr_infer_result *result = search->result;

	if (result->n_blocks == NR_INFER_BLOCKS) {
		search->scattered = true;
		return;
	}
	result->blocks[result->n_blocks++] = (struct nr_prefix){ nr_ip_v4(node.net),
								 (uint8_t)(96 + node.bits) };
	result->destinations += node.end - node.begin;
}

/* Walk down while one half is empty or stray; take what is even; look at both halves of the rest. */
static void look(struct search *search, struct node root)
{
	struct node stack[34] = { root };
	size_t depth = 1;

	while (depth > 0 && !search->scattered) {
		struct node node = stack[--depth];
		size_t n = node.end - node.begin;
		uint64_t pairs = pairs_of(search->dests, node);

		if (n == 0)
			continue;
		if (pairs <= search->stray_budget && (double)n < MIN_DESTINATIONS) {
			search->stray_budget -= pairs;
			search->strays += pairs;
			continue;
		}
		if (n < MIN_DESTINATIONS) {
			search->scattered = true; /* single busy addresses are hosts, not a block */
			return;
		}
		if (node.bits >= MIN_BITS && is_even(search->dests, node)) {
			accept_block(search, node);
			continue;
		}
		stack[depth++] = child_of(search->dests, node, 1);
		stack[depth++] = child_of(search->dests, node, 0);
	}
}

/* Distinct addresses that @p n even draws hit among @p size. */
static double even_distinct(double n, double size)
{
	return -size * expm1(-n / size);
}

static void judge(struct nr_infer_result *result, double draws)
{
	double size = 0;

	for (size_t i = 0; i < result->n_blocks; i++)
		size += (double)nr_prefix_size(result->blocks[i]);
	if (size <= 0)
		return;
	result->expected = (uint64_t)even_distinct(draws, size);
	result->verdict = NR_INFER_FOUND;
	if ((double)result->destinations < min_filled * (double)result->expected)
		result->verdict = NR_INFER_SPARSE;
}

void nr_infer_finish(struct nr_infer *infer, struct nr_infer_result *ret_result,
		     struct nr_nets *ret_nets)
{
	*ret_result = (struct nr_infer_result){ .verdict = NR_INFER_TOO_FEW };
	qsort(infer->pairs, infer->n, sizeof(*infer->pairs), cmp_u64);
	struct dests dests = silent_destinations(infer, ret_result);

	infer->n = 0;
	ret_result->distinct = dests.n;
	if (ret_result->two_way > max_two_way) {
		ret_result->verdict = NR_INFER_TWO_WAY;
		return;
	}
	if (ret_result->unanswered < MIN_UNANSWERED || dests.n < MIN_DESTINATIONS)
		return;
	struct search search = { .dests = &dests,
				 .result = ret_result,
				 .stray_budget = (uint64_t)(stray_share * (double)dests.pairs) };

	look(&search, (struct node){ 0, 0, 0, dests.n });
	if (search.scattered || ret_result->n_blocks == 0) {
		ret_result->verdict = NR_INFER_SCATTERED;
		return;
	}
	judge(ret_result, (double)(dests.pairs - search.strays));
	if (ret_result->verdict != NR_INFER_FOUND)
		return;
	*ret_nets = (struct nr_nets){ 0 };
	for (size_t i = 0; i < ret_result->n_blocks; i++)
		if (nr_nets_add(ret_nets, ret_result->blocks[i]) < 0)
			ret_result->verdict = NR_INFER_SCATTERED; /* cannot be: 8 blocks fit */
}

/* "198.18.5.1/16" was meant as "198.18.0.0/16". @return whether @p word is an address and a length */
static bool without_host_bits(struct nr_str word, char *out)
{
	struct nr_str rest = word, addr = nr_str_cut(&rest, '/');
	struct nr_ip ip;
	uint64_t len;

	if (nr_ip_parse(addr, &ip) < 0)
		return false;
	unsigned base = nr_ip_is_v4(ip) ? 96 : 0;

	if (nr_str_u64(rest, 0, 128 - base, &len) < 0)
		return false;
	len += base;
	(void)nr_prefix_print((struct nr_prefix){ nr_ip_mask(ip, (unsigned)len), (uint8_t)len },
			      out);
	return true;
}

int nr_infer_given(const struct nr_str *words, size_t n, struct nr_nets *ret_nets,
		   struct nr_err *reterr)
{
	struct nr_prefix prefix;
	char shown[128], meant[NR_PREFIX_TEXT];

	*ret_nets = (struct nr_nets){ 0 };
	for (size_t i = 0; i < n; i++) {
		nr_str_escape(words[i], shown, sizeof(shown));
		if (nr_prefix_parse(words[i], &prefix) < 0 && without_host_bits(words[i], meant))
			return nr_fail(reterr, NR_EUSAGE,
				       "--net '%s' has host bits; did you mean %s?", shown, meant);
		if (nr_prefix_parse(words[i], &prefix) < 0)
			return nr_fail(reterr, NR_EUSAGE,
				       "--net '%s': want a prefix such as 198.18.0.0/16", shown);
		if (nr_nets_add(ret_nets, prefix) < 0)
			return nr_fail(reterr, NR_EUSAGE, "--net '%s': more than %d prefixes",
				       shown, NR_NETS_MAX);
	}
	return 0;
}
