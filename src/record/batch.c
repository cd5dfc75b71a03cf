/* SPDX-License-Identifier: Apache-2.0 */
#include "record/batch.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "record/batch_int.h"

_Static_assert(sizeof(NR_BATCH_MAGIC) - 1 == NR_BATCH_MAGIC_SIZE, "documented size");

#define COLUMN(width, in)                                  \
	{                                                  \
		.bytes = (width), .domain = NR_DOMAIN_##in \
	}

const struct nr_batch_column_info nr_batch_columns[NR_COL_N] = {
	[NR_COL_TICK_RUN] = COLUMN(4, RUNS),
	[NR_COL_TICK] = COLUMN(8, RUNS),
	[NR_COL_SHAPE] = COLUMN(2, ROWS),
	[NR_COL_SRC] = COLUMN(4, ROWS),
	[NR_COL_DST] = COLUMN(4, ROWS),
	[NR_COL_SPORT] = COLUMN(2, ROWS),
	[NR_COL_DPORT] = COLUMN(1, ROWS),
	[NR_COL_FIRST] = COLUMN(4, ROWS),
	[NR_COL_TTL] = COLUMN(1, ROWS),
	[NR_COL_KIND] = COLUMN(1, SHAPES),
	[NR_COL_PROTO] = COLUMN(1, SHAPES),
	[NR_COL_CLASS] = COLUMN(1, SHAPES),
	[NR_COL_PAYLOAD] = COLUMN(1, SHAPES),
	[NR_COL_TCP_FLAGS] = COLUMN(1, SHAPES),
	[NR_COL_FLAGS] = COLUMN(1, SHAPES),
	[NR_COL_SHAPE_WINDOW] = COLUMN(2, SHAPES),
	[NR_COL_SHAPE_BYTES] = COLUMN(2, SHAPES),
	[NR_COL_SHAPE_MARKS] = COLUMN(2, SHAPES),
	[NR_COL_OPT_HASH] = COLUMN(4, SHAPES),
	[NR_COL_PORT] = COLUMN(2, PORTS),
	[NR_COL_RARE_PORT] = COLUMN(2, RARE),
	[NR_COL_WINDOW] = COLUMN(2, WINDOW),
	[NR_COL_PAYLOAD_HASH] = COLUMN(4, HASHED),
	[NR_COL_SRC6] = COLUMN(4, SRC6),
	[NR_COL_SRC6 + 1] = COLUMN(4, SRC6),
	[NR_COL_SRC6 + 2] = COLUMN(4, SRC6),
	[NR_COL_DST6] = COLUMN(4, DST6),
	[NR_COL_DST6 + 1] = COLUMN(4, DST6),
	[NR_COL_DST6 + 2] = COLUMN(4, DST6),
	[NR_COL_QUOTED_DST6] = COLUMN(4, QUOTED6),
	[NR_COL_QUOTED_DST6 + 1] = COLUMN(4, QUOTED6),
	[NR_COL_QUOTED_DST6 + 2] = COLUMN(4, QUOTED6),
	[NR_COL_QUOTED_DST] = COLUMN(4, QUOTED),
	[NR_COL_QUOTED_DPORT] = COLUMN(2, QUOTED),
	[NR_COL_QUOTED_PROTO] = COLUMN(1, QUOTED),
	[NR_COL_PACKETS] = COLUMN(4, MANY),
	[NR_COL_BYTES] = COLUMN(8, MANY),
	[NR_COL_LAST] = COLUMN(4, MANY),
	[NR_COL_TTL_MAX] = COLUMN(1, MANY),
	[NR_COL_MARKS] = COLUMN(1, MARKS),
};

static size_t capacity(unsigned col)
{
	size_t n = nr_batch_columns[col].domain == NR_DOMAIN_MARKS ? NR_BATCH_MARKS_MAX
								   : NR_BATCH_ROWS;

	return (n + NR_BATCH_BLOCK) * nr_batch_columns[col].bytes;
}

int nr_batch_columns_init(struct nr_batch_columns *columns)
{
	size_t total = capacity(NR_COL_FIRST);

	*columns = (struct nr_batch_columns){ 0 };
	for (unsigned col = 1; col < NR_COL_N; col++)
		total += capacity(col);
	columns->memory = malloc(total);
	columns->plane = malloc(NR_BATCH_MARKS_MAX + NR_BATCH_BLOCK);
	if (columns->memory == NULL || columns->plane == NULL) {
		nr_batch_columns_done(columns);
		return -ENOMEM;
	}
	columns->scratch = columns->memory;
	total = capacity(NR_COL_FIRST);
	for (unsigned col = 1; col < NR_COL_N; col++) {
		columns->values[col] = columns->memory + total;
		total += capacity(col);
	}
	return 0;
}

void nr_batch_columns_done(struct nr_batch_columns *columns)
{
	free(columns->memory);
	free(columns->plane);
	*columns = (struct nr_batch_columns){ 0 };
}

int nr_batch_peek(struct nr_bytes bytes, struct nr_batch_info *ret_info, struct nr_err *reterr)
{
	struct nr_reader in = nr_reader_of(bytes.p, bytes.n);
	struct nr_batch_info info;

	if (bytes.n < NR_BATCH_HEADER)
		return nr_fail(reterr, NR_EDAMAGED, "the batch ends inside its header");
	if (memcmp(nr_read_bytes(&in, 4), "NRBT", 4) != 0)
		return nr_fail(reterr, NR_EFORMAT, "no batch begins here");
	unsigned version = nr_read_le16(&in);

	if (version != NR_BATCH_VERSION)
		return nr_fail(reterr, NR_EVERSION, "batch of version %u, this program reads %d",
			       version, NR_BATCH_VERSION);
	nr_read_skip(&in, 6); /* number of columns, checksum */
	info.size = (size_t)nr_read_le32(&in) + NR_BATCH_HEADER;
	info.n_rows = nr_read_le32(&in);
	info.first_tick = (int64_t)nr_read_le64(&in);
	info.last_tick = (int64_t)nr_read_le64(&in);
	info.monitored_v4 = nr_read_le64(&in);
	info.n_counters = nr_read_le32(&in);
	if (info.size > NR_BATCH_SIZE_MAX || info.n_rows == 0 || info.n_rows > NR_BATCH_ROWS ||
	    info.n_counters > NR_BATCH_COUNTERS)
		return nr_fail(reterr, NR_EDAMAGED, "the header of the batch is out of limits");
	*ret_info = info;
	return 0;
}
