/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading from a place on, behind a running journal or in a directory nobody writes.
 *
 *   none --open--> in a segment --close record--> none (want = its last place + 1) --open--> ...
 *
 * 1. want is the first place not yet handed out; it only grows.
 * 2. Live: no byte of the segment at work behind the durable end is looked at.
 */
#include <stdlib.h>

#include "store/journal/journal_int.h"

struct nr_journal_reader {
	char *dir;
	const struct nr_journal *journal; /* NULL: offline */
	uint64_t from, want;
	bool in_segment, had_one;
	uint64_t doubted;	/* offset at which we looked twice */
	struct nr_digest chain; /* at the end of the segment before */
	struct nr_scan scan;
};

struct nr_journal_reader *nr_journal_reader_close(struct nr_journal_reader *reader)
{
	if (reader == NULL)
		return NULL;
	nr_scan_done(&reader->scan);
	free(reader->dir);
	free(reader);
	return NULL;
}

/* The segment that holds @p from: the last that begins at it or before, else the first. */
static uint64_t segment_of(const struct nr_segments *s, uint64_t from)
{
	uint64_t found = s->n > 0 ? s->at[0] : 0;

	for (size_t i = 0; i < s->n && s->at[i] <= from; i++)
		found = s->at[i];
	return found;
}

static int find_first(struct nr_journal_reader *r, struct nr_err *reterr)
{
	struct nr_segments s = { .at = NULL };
	int ret = nr_segments_list(r->dir, &s, reterr);

	if (ret == 0)
		r->want = segment_of(&s, r->from);
	nr_segments_done(&s);
	return ret;
}

int nr_journal_reader_open(const char *dir, uint64_t from, const struct nr_journal *journal,
			   struct nr_journal_reader **ret_reader, struct nr_err *reterr)
{
	struct nr_journal_reader *r = calloc(1, sizeof(*r));
	int ret;

	if (r == NULL)
		return nr_fail(reterr, -ENOMEM, "%s", nr_err_text(-ENOMEM));
	nr_scan_init(&r->scan);
	r->from = from;
	r->journal = journal;
	r->dir = nr_segment_dir(dir);
	ret = r->dir == NULL ? nr_fail(reterr, -ENOMEM, "%s", nr_err_text(-ENOMEM))
			     : find_first(r, reterr);
	if (ret < 0) {
		nr_journal_reader_close(r);
		return ret;
	}
	*ret_reader = r;
	return 0;
}

/* No segment begins with `want`: is that the end, or is one missing? */
static int no_segment(struct nr_journal_reader *r, struct nr_err *reterr)
{
	struct nr_segments s = { .at = NULL };
	char path[PATH_MAX];
	bool later = false, there = false;
	int ret = nr_segments_list(r->dir, &s, reterr);

	if (ret == 0 && s.n > 0)
		later = s.at[s.n - 1] > r->want;
	for (size_t i = 0; i < s.n && ret == 0; i++)
		there = there || s.at[i] == r->want;
	nr_segments_done(&s);
	if (there) /* it came just now */
		return -EAGAIN;
	if (ret == 0)
		ret = nr_segment_path(r->dir, r->want, "", path);
	if (ret < 0 || !later)
		return ret;
	return nr_segment_fail(reterr, NR_EDAMAGED, path, 0, "a segment is missing");
}

/* @return 1: in a segment; 0: none yet; negative */
static int enter_segment(struct nr_journal_reader *r, struct nr_err *reterr)
{
	int ret;

	if (r->want == 0) { /* the journal was empty */
		ret = find_first(r, reterr);
		if (ret < 0 || r->want == 0)
			return ret;
	}
	if (r->journal != NULL && nr_journal_place(r->journal).at < r->want)
		return 0;
	ret = nr_scan_open(&r->scan, r->dir, r->want, reterr);
	if (ret == -ENOENT)
		return no_segment(r, reterr);
	if (ret < 0)
		return ret;
	if (r->had_one && !nr_digest_eq(&r->scan.head.chain, &r->chain))
		return nr_segment_fail(reterr, NR_EDAMAGED, r->scan.path, 56,
				       "its chain does not go on where the segment before it ends");
	r->in_segment = true;
	r->doubted = 0;
	return 1;
}

/* Up to which byte of this segment may we look? @return 1: it is at work and will grow; 0: all
 * there is; negative */
static int limit_of(struct nr_journal_reader *r, uint64_t *ret_limit, struct nr_err *reterr)
{
	int64_t size;

	if (r->journal != NULL) {
		struct nr_journal_place place = nr_journal_place(r->journal);

		if (place.segment == r->scan.head.first_at &&
		    r->scan.head.kind == NR_SEGMENT_WHOLE) {
			*ret_limit = place.end;
			return 1;
		}
		size = nr_io_size(r->scan.fd); /* it was cut when it was closed */
		if (size < 0)
			return nr_segment_fail(reterr, (int)size, r->scan.path, 0,
					       nr_err_text((int)size));
		r->scan.size = (uint64_t)size;
	}
	*ret_limit = r->scan.size;
	return 0;
}

/* Is it damage that no valid record stands here? @return 0: no, it is the end; NR_EDAMAGED;
 * -errno */
static int judge(struct nr_journal_reader *r, struct nr_err *reterr)
{
	struct nr_segments s = { .at = NULL };
	bool is_last = false;
	uint64_t torn;
	int ret;

	if (r->journal != NULL)
		return nr_segment_fail(reterr, NR_EDAMAGED, r->scan.path, r->scan.off, r->scan.why);
	ret = nr_segments_list(r->dir, &s, reterr);
	if (ret == 0 && s.n > 0)
		is_last = s.at[s.n - 1] <= r->scan.head.first_at;
	nr_segments_done(&s);
	if (ret < 0)
		return ret;
	if (!is_last)
		return nr_segment_fail(reterr, NR_EDAMAGED, r->scan.path, r->scan.off, r->scan.why);
	return nr_scan_judge_tail(&r->scan, &torn, reterr);
}

/*
 * Nothing valid follows. A journal at work that another process writes may have come further since
 * we read here: what proves
 * damage proves that too, so one more look decides. @return 0; -EAGAIN: look again; NR_EDAMAGED;
 * -errno
 */
static int at_bad(struct nr_journal_reader *r, struct nr_err *reterr)
{
	int ret = judge(r, reterr), again;

	again = nr_scan_refresh(&r->scan, reterr);
	if (again < 0)
		return again;
	if ((ret == NR_EDAMAGED || ret == -ENODATA) && r->doubted != r->scan.off) {
		r->doubted = r->scan.off;
		return -EAGAIN;
	}
	return ret;
}

static void leave_segment(struct nr_journal_reader *r)
{
	r->chain = r->scan.chain;
	r->want = r->scan.next_at;
	r->in_segment = false;
	r->had_one = true;
}

static int give(struct nr_journal_reader *r, const struct nr_scan_record *rec,
		struct nr_entry *ret_entry, struct nr_err *reterr)
{
	struct nr_entry entry = { .at = rec->head.at,
				  .arrived_ns = rec->head.arrived_ns,
				  .type = rec->head.type,
				  .erased = rec->erased };
	int ret = 0;

	if (!rec->erased)
		ret = nr_entry_read(rec->head.type, rec->body, &entry, reterr);
	if (ret < 0) {
		nr_err_prefix(reterr, "%s: byte %llu", r->scan.path, (unsigned long long)rec->off);
		return ret;
	}
	*ret_entry = entry;
	return 1;
}

/* @return 1: an entry; 0: no more now; -EAGAIN: go on; else negative */
static int step(struct nr_journal_reader *r, struct nr_entry *ret_entry, struct nr_err *reterr)
{
	struct nr_scan_record rec;
	uint64_t limit = 0;
	int at_work = limit_of(r, &limit, reterr), ret;

	if (at_work < 0)
		return at_work;
	ret = nr_scan_next(&r->scan, limit, r->from, &rec, reterr);
	if (ret == -ENODATA) { /* it was closed, and cut to its size, under us */
		r->scan.why = "the file became shorter";
		ret = NR_SCAN_BAD;
	}
	if (ret < 0)
		return ret;
	switch ((enum nr_scan_step)ret) {
	case NR_SCAN_END:
		if (at_work != 0)
			return 0;
		r->scan.why = "the segment ends without its close";
		return at_bad(r, reterr);
	case NR_SCAN_BAD:
		return at_bad(r, reterr);
	case NR_SCAN_CLOSED:
		leave_segment(r);
		break;
	case NR_SCAN_RECORD:
		if (rec.head.at >= r->from)
			return give(r, &rec, ret_entry, reterr);
		break;
	}
	return -EAGAIN;
}

int nr_journal_reader_next(struct nr_journal_reader *reader, struct nr_entry *ret_entry,
			   struct nr_err *reterr)
{
	int ret;

	do {
		ret = reader->in_segment ? 1 : enter_segment(reader, reterr);
		if (ret > 0)
			ret = step(reader, ret_entry, reterr);
	} while (ret == -EAGAIN);
	return ret;
}
