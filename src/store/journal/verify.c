/* SPDX-License-Identifier: Apache-2.0 */
/* Read all of a journal and doubt all of it: sums, digests, chain, links between segments,
 * signatures. */
#include "store/journal/journal_int.h"

struct audit {
	const char *dir;
	const struct nr_segments *segments;
	const uint8_t *public_key;
	struct nr_journal_report report;
	struct nr_scan scan;
	uint64_t next_at; /* of the segment that must follow; 0: none before */
	struct nr_digest chain;
	struct nr_err first; /* fault */
};

static void fault(struct audit *a, uint64_t off, const char *words)
{
	if (a->report.faults++ == 0)
		(void)nr_segment_fail(&a->first, NR_EDAMAGED, a->scan.path, off, words);
}

static void check_signature(struct audit *a)
{
	static const uint8_t unsigned_key[NR_PUBLIC_KEY_SIZE];
	const struct nr_close *c = &a->scan.close;
	uint8_t text[sizeof(NR_SEGMENT_SIGNED) - 1 + NR_CLOSE_SIGNED], body[NR_CLOSE_BODY];
	const uint8_t *key = a->public_key != NULL ? a->public_key : c->public_key;

	if (memcmp(c->public_key, unsigned_key, sizeof(unsigned_key)) == 0) {
		if (a->public_key == NULL)
			return;
		a->report.bad_heads++;
		fault(a, a->scan.off, "the close of the segment is not signed");
		return;
	}
	nr_close_put(c, NULL, body);
	memcpy(body + NR_CLOSE_SIGNED - NR_PUBLIC_KEY_SIZE, c->public_key, NR_PUBLIC_KEY_SIZE);
	memcpy(text, NR_SEGMENT_SIGNED, sizeof(NR_SEGMENT_SIGNED) - 1);
	memcpy(text + sizeof(NR_SEGMENT_SIGNED) - 1, body, NR_CLOSE_SIGNED);
	if (nr_sign_check(key, (struct nr_bytes){ text, sizeof(text) }, c->signature) &&
	    memcmp(key, c->public_key, NR_PUBLIC_KEY_SIZE) == 0) {
		a->report.signed_heads++;
		return;
	}
	a->report.bad_heads++;
	fault(a, a->scan.off, "the signature of the segment is not of this key and content");
}

static void check_record(struct audit *a, const struct nr_scan_record *rec)
{
	struct nr_digest digest;

	a->report.records++;
	a->report.last_at = rec->head.at;
	if (rec->erased) {
		a->report.erased++;
		return;
	}
	digest = nr_digest_of(rec->body.p, rec->body.n);
	if (!nr_digest_eq(&digest, &rec->head.digest))
		fault(a, rec->off, "the digest of the record is not that of its body");
}

static void check_link(struct audit *a)
{
	if (a->next_at == 0)
		return;
	if (a->scan.head.first_at != a->next_at)
		fault(a, 16, "the segment before it is missing");
	else if (!nr_digest_eq(&a->scan.head.chain, &a->chain))
		fault(a, 56, "its chain does not go on where the segment before it ends");
}

/*
 * No valid record: the end of the last segment, or a fault. Beside a journal at work bytes may
 * have come since we read
 * here: what proves a fault proves that too, so one more look decides. @return 0; -EAGAIN: look
 * again; -errno
 */
static int check_end(struct audit *a, bool is_last, uint64_t *doubted, struct nr_err *reterr)
{
	int ret = NR_EDAMAGED;

	if (is_last)
		ret = nr_scan_judge_tail(&a->scan, &a->report.torn_bytes, reterr);
	if (ret == 0 || (ret != NR_EDAMAGED && ret != -ENODATA))
		return ret;
	if (*doubted == a->scan.off) {
		fault(a, a->scan.off, a->scan.why);
		return 0;
	}
	*doubted = a->scan.off;
	ret = nr_scan_refresh(&a->scan, reterr);
	return ret < 0 ? ret : -EAGAIN;
}

/* All records up to the close, or to where there are no more. @return NR_SCAN_CLOSED;
 * NR_SCAN_END; -errno */
static int check_records(struct audit *a, bool is_last, struct nr_err *reterr)
{
	uint64_t doubted = 0;

	for (;;) {
		struct nr_scan_record rec;
		int step = nr_scan_next(&a->scan, a->scan.size, 0, &rec, reterr);

		if (step == NR_SCAN_RECORD) {
			check_record(a, &rec);
			continue;
		}
		if (step == NR_SCAN_CLOSED || (step < 0 && step != -ENODATA))
			return step;
		if (step != NR_SCAN_BAD)
			a->scan.why = "the segment ends without its close";
		step = check_end(a, is_last, &doubted, reterr);
		if (step != -EAGAIN)
			return step < 0 ? step : NR_SCAN_END;
	}
}

static int check_segment(struct audit *a, uint64_t at, bool is_last, struct nr_err *reterr)
{
	struct nr_err err;
	int step = nr_scan_open(&a->scan, a->dir, at, &err);

	if (step == NR_EDAMAGED || step == NR_EFORMAT) {
		if (a->report.faults++ == 0)
			a->first = err;
		a->next_at = 0; /* what follows cannot be compared */
		return 0;
	}
	if (step < 0) {
		if (reterr != NULL)
			*reterr = err;
		return step;
	}
	check_link(a);
	a->report.segments++;
	a->report.bytes += a->scan.size;
	if (a->report.first_at == 0)
		a->report.first_at = at;
	step = check_records(a, is_last, reterr);
	if (step < 0)
		return step;
	if (step == NR_SCAN_CLOSED) {
		check_signature(a);
		a->report.last_at = a->scan.close.last_at;
	}
	a->chain = a->report.chain = a->scan.chain;
	/* Behind a fault nothing can be compared. */
	a->next_at = step == NR_SCAN_CLOSED ? a->scan.next_at : 0;
	return 0;
}

int nr_journal_verify(const char *dir, const uint8_t *public_key,
		      struct nr_journal_report *ret_report, struct nr_err *reterr)
{
	struct nr_segments segments = { .at = NULL };
	struct audit a = { .dir = dir, .segments = &segments, .public_key = public_key };
	int ret = nr_crypt_init();

	if (ret < 0)
		return nr_fail(reterr, ret, "no random source");
	nr_scan_init(&a.scan);
	ret = nr_segments_list(dir, &segments, reterr);
	for (size_t i = 0; i < segments.n && ret == 0; i++)
		ret = check_segment(&a, segments.at[i], i + 1 == segments.n, reterr);
	nr_scan_done(&a.scan);
	nr_segments_done(&segments);
	if (ret < 0)
		return ret;
	*ret_report = a.report;
	if (a.report.faults > 0 && reterr != NULL)
		*reterr = a.first;
	return a.report.faults > 0 ? NR_EDAMAGED : 0;
}
