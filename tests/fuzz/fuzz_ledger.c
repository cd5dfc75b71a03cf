/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger. The first byte chooses:
 *   even   the rest is a saved ledger: what loads saves to the same bytes
 *   odd    the rest is what sensors send, eight bytes each: the ledger says of every batch what plain bookkeeping with
 *          all digests says, and so does one that was saved and loaded
 */
#include <stdlib.h>

#include "store/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SENSORS = 3, NUMBERS = 64, EPOCH = 1000, LOADS = 4 };
#define NOW_NS (INT64_C(2000) * NR_NS_PER_S)

static void run_load(struct nr_bytes text)
{
	struct nr_ledger *ledger = NULL;
	struct nr_buf out;

	nr_require(nr_ledger_new(&ledger) == 0);
	if (nr_ledger_load(ledger, text, NULL) == 0) {
		nr_buf_init(&out, text.n);
		nr_require(nr_ledger_save(ledger, &out) == 0);
		nr_require(out.n == text.n && memcmp(out.p, text.p, text.n) == 0);
		for (size_t i = 0; i < nr_ledger_count(ledger); i++)
			nr_require(nr_ledger_find(ledger, nr_ledger_at(ledger, i)->sensor) ==
				   nr_ledger_at(ledger, i));
		nr_buf_done(&out);
	}
	nr_ledger_free(ledger);
}

/* Plain bookkeeping. */
struct plain {
	uint64_t epoch, seq;
	struct nr_digest digests[NUMBERS + 1];
	bool known[NUMBERS + 1];
};

static enum nr_ledger_verdict plain_judge(const struct plain *p, const struct nr_message_batch *b,
					  const struct nr_digest *digest)
{
	static const struct nr_digest zero;

	if (b->epoch < p->epoch)
		return NR_LEDGER_OLD_EPOCH;
	if (b->epoch > p->epoch) {
		if (b->seq > 1)
			return NR_LEDGER_HOLE;
		return nr_digest_eq(&b->previous, &zero) ? NR_LEDGER_NEXT : NR_LEDGER_CONFLICT;
	}
	if (b->seq <= p->seq) {
		if (!p->known[b->seq])
			return NR_LEDGER_OLD;
		return nr_digest_eq(&p->digests[b->seq], digest) ? NR_LEDGER_REPEAT
								 : NR_LEDGER_CONFLICT;
	}
	if (b->seq > p->seq + 1)
		return NR_LEDGER_HOLE;
	if (!p->known[p->seq])
		return NR_LEDGER_NEXT;
	return nr_digest_eq(&p->digests[p->seq], &b->previous) ? NR_LEDGER_NEXT
							       : NR_LEDGER_CONFLICT;
}

static void plain_begin(struct plain *p, uint64_t epoch)
{
	if (epoch != p->epoch)
		*p = (struct plain){ .epoch = epoch, .known = { true } };
}

static void apply_gap(struct nr_ledger *ledger, struct plain *p, struct nr_uuid sensor,
		      struct nr_message_gap gap)
{
	struct nr_entry entry = { .type = NR_ENTRY_GAP };
	static const struct nr_digest zero;
	enum nr_ledger_verdict verdict = nr_ledger_judge_gap(ledger, sensor, &gap, NOW_NS);

	if (verdict != NR_LEDGER_NEXT)
		return;
	entry.gap.sensor = sensor;
	entry.gap.gap = gap;
	nr_require(nr_ledger_apply(ledger, &entry) == 0);
	plain_begin(p, gap.epoch);
	nr_require(gap.from_seq == p->seq + 1);
	for (uint64_t i = gap.from_seq; i <= gap.to_seq; i++)
		p->known[i] = false;
	p->seq = gap.to_seq;
	p->digests[p->seq] = gap.last;
	p->known[p->seq] = !nr_digest_eq(&gap.last, &zero);
}

/* sensor, epoch, seq, content, what stands before, gap's length */
static void step(struct nr_ledger *ledger, struct plain *all, const uint8_t in[8])
{
	struct nr_uuid sensor = { { (uint8_t)(in[0] % SENSORS) } };
	struct plain *p = &all[in[0] % SENSORS];
	struct nr_message_batch b = { .epoch = EPOCH + in[1] % 2,
				      .seq = 1 + in[2] % NUMBERS,
				      .payload = { &in[3], 1 } };
	struct nr_digest digest;
	enum nr_ledger_verdict verdict;

	if (in[2] >= 128)
		b.seq = p->seq + 1 <= NUMBERS ? p->seq + 1 : NUMBERS;
	if (in[4] % 4 != 0 && b.epoch == p->epoch && b.seq > 1)
		b.previous = p->digests[b.seq - 1];
	else if (in[4] % 8 == 4)
		b.previous.b[0] = in[4];
	if (in[5] % 8 == 0) {
		struct nr_message_gap gap = { .epoch = b.epoch,
					      .from_seq = b.seq,
					      .to_seq = b.seq };

		gap.to_seq += in[5] / 8 % 4;
		gap.last.b[0] = in[6];
		if (gap.to_seq <= NUMBERS)
			apply_gap(ledger, p, sensor, gap);
		return;
	}
	digest = nr_message_digest(&b);
	verdict = nr_ledger_judge(ledger, sensor, &b, &digest, NOW_NS);
	nr_require(verdict == plain_judge(p, &b, &digest));
	if (verdict != NR_LEDGER_NEXT)
		return;
	nr_require(nr_ledger_apply_batch(ledger, sensor, &b, &digest) == 0);
	plain_begin(p, b.epoch);
	p->seq = b.seq;
	p->digests[b.seq] = digest;
	p->known[b.seq] = true;
}

static struct nr_ledger *save_and_load(struct nr_ledger *ledger)
{
	struct nr_ledger *back = NULL;
	struct nr_buf out;

	nr_buf_init(&out, 1 << 20);
	nr_require(nr_ledger_save(ledger, &out) == 0 && nr_ledger_new(&back) == 0);
	nr_require(nr_ledger_load(back, (struct nr_bytes){ out.p, out.n }, NULL) == 0);
	nr_buf_done(&out);
	nr_ledger_free(ledger);
	return back;
}

static void run_steps(const uint8_t *data, size_t size)
{
	static struct plain all[SENSORS];
	struct nr_ledger *ledger = NULL;
	unsigned n_loads = 0;

	for (size_t i = 0; i < SENSORS; i++)
		all[i] = (struct plain){ .known = { true } };
	nr_require(nr_ledger_new(&ledger) == 0);
	for (size_t i = 0; i + 8 <= size && i < 8 * 1000; i += 8) {
		step(ledger, all, data + i);
		if (data[i + 7] == 0 && n_loads++ < LOADS)
			ledger = save_and_load(ledger);
	}
	nr_ledger_free(ledger);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0)
		run_load((struct nr_bytes){ data + 1, size - 1 });
	else
		run_steps(data + 1, size - 1);
	return 0;
}
