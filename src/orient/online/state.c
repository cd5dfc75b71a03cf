/* SPDX-License-Identifier: Apache-2.0 */
/* How the on-line engine is written down and read back, and how a revision is printed. */
#include <elf.h>
#include <link.h>

#include "orient/online/online_int.h"

static const char magic[8] = "NRONLIN";
enum { VERSION = 2, BUILD_SIZE = 20 };

/* ---- which build this is ---- */

static int note_find(struct dl_phdr_info *info, size_t size, void *ret_build)
{
	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		struct nr_reader in = nr_reader_of((const uint8_t *)info->dlpi_addr + ph->p_vaddr,
						   ph->p_memsz);

		while (ph->p_type == PT_NOTE && nr_reader_left(&in) >= 12) {
			uint32_t n_name = nr_read_le32(&in), n = nr_read_le32(&in),
				 type = nr_read_le32(&in);
			const uint8_t *name = nr_read_bytes(&in,
							    (n_name + UINT64_C(3)) & ~UINT64_C(3));
			const uint8_t *build = nr_read_bytes(&in, (n + UINT64_C(3)) & ~UINT64_C(3));

			if (build != NULL && type == NT_GNU_BUILD_ID && n_name == 4 &&
			    memcmp(name, "GNU", 4) == 0) {
				memcpy(ret_build, build, n < BUILD_SIZE ? n : BUILD_SIZE);
				return 1;
			}
		}
	}
	return 1; /* the program itself comes first: no library speaks for it */
}

/* The linker's name for this program; sizes beside it for one that has none. */
static void build_write(struct nr_buf *out)
{
	uint8_t build[BUILD_SIZE] = { 0 };

	(void)dl_iterate_phdr(note_find, build);
	nr_buf_add(out, build, sizeof(build));
	nr_write_le32(out, sizeof(struct nr_observation));
	nr_write_le32(out, sizeof(struct online_sensor));
	nr_write_le32(out, sizeof(struct nr_scan_member));
}

static bool build_is_ours(struct nr_reader *in)
{
	struct nr_buf own;

	nr_buf_init(&own, 256);
	build_write(&own);
	const uint8_t *is = nr_read_bytes(in, own.n);
	bool same = own.err == 0 && is != NULL && memcmp(is, own.p, own.n) == 0;

	nr_buf_done(&own);
	return same;
}

/* ---- saving ---- */

static int lane_save(const struct online_lane *lane, struct nr_buf *out)
{
	nr_write_u8(out, lane->run != NULL);
	if (lane->run == NULL)
		return out->err;
	nr_write_le64(out, (uint64_t)lane->watermark);
	nr_wait_save(&lane->wait, out);
	return nr_run_save(lane->run, out);
}

int nr_online_save(struct nr_online *online, struct nr_buf *out)
{
	size_t start = out->n;
	int r;

	nr_buf_add(out, magic, sizeof(magic));
	nr_write_le32(out, VERSION);
	build_write(out);
	nr_buf_add(out, &online->counts, sizeof(online->counts));
	nr_write_le64(out, (uint64_t)online->self_due);
	nr_table_save(&online->sensors, out);
	nr_table_save(&online->said, out);
	nr_table_save(&online->campaigns.members, out);
	nr_table_save(&online->campaigns.groups, out);
	nr_write_le64(out, (uint64_t)online->campaigns.minute);
	r = lane_save(&online->live, out);
	for (unsigned i = 0; i < NR_ONLINE_LANES && r == 0; i++)
		r = lane_save(&online->backlog[i], out);
	if (r < 0 || out->err < 0)
		return r < 0 ? r : out->err;
	nr_write_le32(out, nr_crc32c(0, out->p + start, out->n - start));
	return out->err;
}

/* ---- loading ---- */

static bool second_ok(int64_t s)
{
	return s == INT64_MIN || (s >= 0 && s <= (int64_t)UINT32_MAX + 1);
}

static int lane_load(struct nr_online *online, struct online_lane *lane, struct nr_reader *in)
{
	int r = 0;

	if (nr_read_u8(in) != 1)
		return lane == &online->live ? NR_EDAMAGED : 0;
	if (lane->run == NULL)
		r = online_lane_open(online, lane);
	if (r < 0)
		return r;
	lane->watermark = (int64_t)nr_read_le64(in);
	if (!second_ok(lane->watermark))
		return NR_EDAMAGED;
	r = nr_wait_load(&lane->wait, in, online->sensors.n);
	return r < 0 ? r : nr_run_load(lane->run, in, online->sensors.n);
}

/* What is derived is worked out again. */
static bool tables_ok(struct nr_online *online)
{
	for (uint32_t i = 0; i < online->sensors.n; i++) {
		struct online_sensor *s = nr_table_at(&online->sensors, i);

		if (!online_self_ok(s) || s->number != i || !second_ok(s->lane_newest))
			return false;
		if (s->lane != 0)
			online->backlog[s->lane - 1].n_sensors++;
	}
	online->n_over = 0;
	for (uint32_t i = 0; i < online->said.n; i++) {
		const struct online_said *said = nr_table_at(&online->said, i);

		if (said->is_open > 1)
			return false;
		online->n_over += !said->is_open;
	}
	for (uint32_t i = 0; i < online->campaigns.members.n; i++) {
		const struct nr_scan_member *m = nr_table_at(&online->campaigns.members, i);

		if (m->level > NR_LEVEL_AGGRESSIVE || m->certainty > NR_CERTAINTY_CONFIRMED)
			return false;
	}
	return second_ok(online->campaigns.minute);
}

static bool lanes_ok(const struct nr_online *online)
{
	for (unsigned i = 0; i < NR_ONLINE_LANES; i++)
		if ((online->backlog[i].run != NULL) != (online->backlog[i].n_sensors > 0))
			return false;
	return true;
}

static int body_load(struct nr_online *online, struct nr_reader *in)
{
	struct nr_table *tables[] = { &online->sensors, &online->said, &online->campaigns.members,
				      &online->campaigns.groups };
	const uint8_t *counts = nr_read_bytes(in, sizeof(online->counts));
	int r = counts != NULL ? 0 : NR_EDAMAGED;

	if (r == 0)
		memcpy(&online->counts, counts, sizeof(online->counts));
	online->self_due = (int64_t)nr_read_le64(in);
	for (size_t t = 0; t < NR_COUNT(tables) && r == 0; t++)
		r = nr_table_load(tables[t], in);
	online->campaigns.minute = (int64_t)nr_read_le64(in);
	if (r == 0 && !tables_ok(online))
		r = NR_EDAMAGED;
	if (r == 0)
		r = lane_load(online, &online->live, in);
	for (unsigned i = 0; i < NR_ONLINE_LANES && r == 0; i++) {
		uint32_t n_sensors = online->backlog[i].n_sensors;

		r = lane_load(online, &online->backlog[i], in);
		online->backlog[i].n_sensors = n_sensors; /* opening set it to none */
	}
	if (r == 0 && (!lanes_ok(online) || !nr_reader_ok(in) || nr_reader_left(in) != 0))
		r = NR_EDAMAGED;
	return r == NR_ELIMIT || r == NR_EFORMAT || r == NR_EVERSION ? NR_EDAMAGED : r;
}

int nr_online_load(struct nr_online *online, struct nr_bytes state, struct nr_err *reterr)
{
	struct nr_reader in = nr_reader_of(state.p, state.n);
	const uint8_t *m = nr_read_bytes(&in, sizeof(magic));

	if (m == NULL || memcmp(m, magic, sizeof(magic)) != 0 || nr_reader_left(&in) < 8)
		return nr_fail(reterr, NR_EDAMAGED, "not a snapshot of the engine");
	if (nr_crc32c(0, state.p, state.n - 4) != nr_get_le32(state.p + state.n - 4))
		return nr_fail(reterr, NR_EDAMAGED,
			       "snapshot is damaged: its checksum does not match");
	in.end -= 4;
	if (nr_read_le32(&in) != VERSION || !build_is_ours(&in))
		return nr_fail(reterr, NR_EVERSION,
			       "snapshot is of another build: replay the journal");
	int r = body_load(online, &in);

	return r < 0 ? nr_fail(reterr, r, "snapshot: %s", nr_err_text(r)) : 0;
}

/* ---- printing ---- */

static const char *const state_names[] = { "new", "continuing", "ended", "withdrawn" };

void nr_revision_json(const struct nr_revision *revision, struct nr_buf *out)
{
	enum { FIELDS_MAX = 32 };
	struct nr_field fields[FIELDS_MAX];
	struct nr_record_type type = nr_finding_type;

	/*
	 * `state` of the finding is that of a run that has an end; that of the revision takes its
	 * place
	 */
	nr_require(type.n_fields <= FIELDS_MAX);
	type.fields = fields;
	type.n_fields = 0;
	for (size_t i = 0; i < nr_finding_type.n_fields; i++)
		if (strcmp(nr_finding_type.fields[i].name, "state") != 0)
			fields[type.n_fields++] = nr_finding_type.fields[i];
	nr_record_json(&type, revision->finding, out);
	if (out->err < 0 || out->n == 0)
		return;
	out->n--; /* the closing brace */
	nr_buf_addf(out, ",\"revision\":%u,\"state\":\"%s\",\"late\":%s,\"at\":%llu}",
		    revision->number, state_names[revision->state & 3],
		    revision->late ? "true" : "false", (unsigned long long)revision->at);
}
