/* SPDX-License-Identifier: Apache-2.0 */
#include "record/entry.h"

#include "record/message_int.h"

enum { VERSION = 1 };

static void put_uuid(struct nr_buf *out, struct nr_uuid uuid)
{
	nr_buf_add(out, uuid.b, sizeof(uuid.b));
}

static struct nr_uuid get_uuid(struct nr_reader *r)
{
	const uint8_t *p = nr_read_bytes(r, NR_UUID_SIZE);
	struct nr_uuid uuid = { { 0 } };

	if (p != NULL)
		memcpy(uuid.b, p, sizeof(uuid.b));
	return uuid;
}

static void put_sensor(struct nr_buf *out, const struct nr_entry_sensor *sensor)
{
	put_uuid(out, sensor->sensor);
	nr_write_u8(out, sensor->event);
	nr_write_le64(out, sensor->monitored_v4);
	nr_write_le64(out, (uint64_t)sensor->value);
	nr_message_put_text(out, sensor->name, sizeof(sensor->name));
}

static bool get_sensor(struct nr_reader *r, struct nr_entry_sensor *sensor)
{
	sensor->sensor = get_uuid(r);
	sensor->event = nr_read_u8(r);
	sensor->monitored_v4 = nr_read_le64(r);
	sensor->value = (int64_t)nr_read_le64(r);
	return nr_message_get_text(r, sensor->name, sizeof(sensor->name)) &&
	       sensor->event >= NR_SENSOR_APPEARED && sensor->event < NR_SENSOR_EVENT_N;
}

static bool get_batch(struct nr_reader *r, struct nr_entry_batch *batch)
{
	batch->sensor = get_uuid(r);
	batch->offset_ns = (int64_t)nr_read_le64(r);
	batch->imported = nr_read_u8(r);
	return batch->imported <= 1 && nr_message_get_batch(r, &batch->batch);
}

static bool get_text(struct nr_reader *r, struct nr_entry_text *text)
{
	size_t n = nr_reader_left(r);

	text->text = (struct nr_bytes){ nr_read_bytes(r, n), n };
	return true;
}

static void put_body(const struct nr_entry *e, struct nr_buf *out)
{
	switch ((enum nr_entry_type)e->type) {
	case NR_ENTRY_BATCH:
		put_uuid(out, e->batch.sensor);
		nr_write_le64(out, (uint64_t)e->batch.offset_ns);
		nr_write_u8(out, e->batch.imported);
		nr_message_put_batch(out, &e->batch.batch);
		break;
	case NR_ENTRY_GAP:
		put_uuid(out, e->gap.sensor);
		nr_message_put_gap(out, &e->gap.gap);
		break;
	case NR_ENTRY_WATERMARK:
		nr_write_le64(out, (uint64_t)e->watermark.tick);
		break;
	case NR_ENTRY_SENSOR:
		put_sensor(out, &e->sensor);
		break;
	case NR_ENTRY_QUARANTINE:
		put_uuid(out, e->text.sensor);
		nr_buf_add(out, e->text.text.p, e->text.text.n);
		break;
	case NR_ENTRY_LEDGER:
	case NR_ENTRY_DATA:
	case NR_ENTRY_CONFIG:
		nr_buf_add(out, e->text.text.p, e->text.text.n);
		break;
	}
}

static bool get_body(uint8_t type, struct nr_reader *r, struct nr_entry *e)
{
	switch ((enum nr_entry_type)type) {
	case NR_ENTRY_BATCH:
		return get_batch(r, &e->batch);
	case NR_ENTRY_GAP:
		e->gap.sensor = get_uuid(r);
		return nr_message_get_gap(r, &e->gap.gap);
	case NR_ENTRY_WATERMARK:
		e->watermark.tick = (int64_t)nr_read_le64(r);
		return true;
	case NR_ENTRY_SENSOR:
		return get_sensor(r, &e->sensor);
	case NR_ENTRY_QUARANTINE:
		e->text.sensor = get_uuid(r);
		return get_text(r, &e->text);
	case NR_ENTRY_LEDGER:
	case NR_ENTRY_DATA:
	case NR_ENTRY_CONFIG:
		return get_text(r, &e->text);
	}
	return false;
}

int nr_entry_write(const struct nr_entry *entry, struct nr_buf *out)
{
	size_t start = out->n;

	nr_require(entry->type >= NR_ENTRY_LEDGER && entry->type <= NR_ENTRY_QUARANTINE);
	nr_write_u8(out, VERSION);
	put_body(entry, out);
	if (out->err != 0)
		return out->err;
	if (out->n - start > NR_ENTRY_MAX) {
		out->n = start;
		return NR_ELIMIT;
	}
	return 0;
}

int nr_entry_read(uint8_t type, struct nr_bytes body, struct nr_entry *ret_entry,
		  struct nr_err *reterr)
{
	struct nr_reader r = nr_reader_of(body.p, body.n);
	uint8_t version = nr_read_u8(&r);
	struct nr_entry e = { .type = type };

	if (!nr_reader_ok(&r) || body.n > NR_ENTRY_MAX)
		return nr_fail(reterr, NR_EDAMAGED, "entry of type %u with %zu bytes", type,
			       body.n);
	if (version != VERSION)
		return nr_fail(reterr, NR_EVERSION, "entry of type %u in version %u, known is %d",
			       type, version, VERSION);
	if (!get_body(type, &r, &e) || !nr_reader_ok(&r) || nr_reader_left(&r) != 0)
		return nr_fail(reterr, NR_EDAMAGED, "entry of type %u: fields that cannot be",
			       type);
	e.at = ret_entry->at;
	e.arrived_ns = ret_entry->arrived_ns;
	*ret_entry = e;
	return 0;
}
