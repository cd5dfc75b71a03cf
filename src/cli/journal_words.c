/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/journal_words.h"

#include "base/json.h"

static const char *type_name(uint8_t type)
{
	switch ((enum nr_entry_type)type) {
	case NR_ENTRY_LEDGER:
		return "ledger";
	case NR_ENTRY_BATCH:
		return "batch";
	case NR_ENTRY_GAP:
		return "gap";
	case NR_ENTRY_WATERMARK:
		return "watermark";
	case NR_ENTRY_SENSOR:
		return "sensor";
	case NR_ENTRY_DATA:
		return "data";
	case NR_ENTRY_CONFIG:
		return "config";
	case NR_ENTRY_QUARANTINE:
		return "quarantine";
	}
	return "unknown";
}

static const char *event_name(uint8_t event)
{
	static const char *const names[NR_SENSOR_EVENT_N] = {
		[NR_SENSOR_APPEARED] = "appeared",     [NR_SENSOR_SILENT] = "silent",
		[NR_SENSOR_RETURNED] = "returned",     [NR_SENSOR_FROZEN] = "frozen",
		[NR_SENSOR_THAWED] = "thawed",	       [NR_SENSOR_CLOCK_OFF] = "clock_off",
		[NR_SENSOR_CLOCK_GOOD] = "clock_good", [NR_SENSOR_MONITORED] = "monitored",
		[NR_SENSOR_REVOKED] = "revoked",       [NR_SENSOR_CAUGHT_UP] = "caught_up",
	};

	return event < NR_SENSOR_EVENT_N && names[event] != NULL ? names[event] : "unknown";
}

static void key_uuid(struct nr_json *json, struct nr_uuid uuid)
{
	char text[NR_UUID_TEXT];

	nr_uuid_print(uuid, text);
	nr_json_key(json, "sensor");
	nr_json_str(json, nr_str_from(text));
}

static void key_u64(struct nr_json *json, const char *key, uint64_t v)
{
	nr_json_key(json, key);
	nr_json_u64(json, v);
}

static void batch_json(struct nr_json *json, const struct nr_entry_batch *batch)
{
	struct nr_batch_info info;

	key_uuid(json, batch->sensor);
	key_u64(json, "epoch", batch->batch.epoch);
	key_u64(json, "seq", batch->batch.seq);
	key_u64(json, "bytes", batch->batch.payload.n);
	if (nr_batch_peek(batch->batch.payload, &info, NULL) == 0)
		key_u64(json, "observations", info.n_rows);
	nr_json_key(json, "imported");
	nr_json_bool(json, batch->imported != 0);
}

static void fields_json(struct nr_json *json, const struct nr_entry *e)
{
	switch ((enum nr_entry_type)e->type) {
	case NR_ENTRY_BATCH:
		batch_json(json, &e->batch);
		break;
	case NR_ENTRY_GAP:
		key_uuid(json, e->gap.sensor);
		key_u64(json, "epoch", e->gap.gap.epoch);
		key_u64(json, "from_seq", e->gap.gap.from_seq);
		key_u64(json, "to_seq", e->gap.gap.to_seq);
		key_u64(json, "observations", e->gap.gap.observations);
		key_u64(json, "reason", e->gap.gap.reason);
		break;
	case NR_ENTRY_WATERMARK:
		nr_json_key(json, "tick");
		nr_json_i64(json, e->watermark.tick);
		break;
	case NR_ENTRY_SENSOR:
		key_uuid(json, e->sensor.sensor);
		nr_json_key(json, "event");
		nr_json_str(json, nr_str_from(event_name(e->sensor.event)));
		nr_json_key(json, "name");
		nr_json_str(json, nr_str_from(e->sensor.name));
		key_u64(json, "monitored_v4", e->sensor.monitored_v4);
		nr_json_key(json, "value");
		nr_json_i64(json, e->sensor.value);
		break;
	case NR_ENTRY_QUARANTINE:
		key_uuid(json, e->text.sensor);
		key_u64(json, "bytes", e->text.text.n);
		break;
	case NR_ENTRY_LEDGER:
	case NR_ENTRY_DATA:
	case NR_ENTRY_CONFIG:
		key_u64(json, "bytes", e->text.text.n);
		break;
	}
}

void nr_journal_words_json(const struct nr_entry *e, struct nr_buf *out)
{
	struct nr_json json;

	nr_json_init(&json, out);
	nr_json_object(&json);
	key_u64(&json, "at", e->at);
	nr_json_key(&json, "arrived");
	nr_json_time(&json, (struct nr_time){ e->arrived_ns });
	nr_json_key(&json, "type");
	nr_json_str(&json, nr_str_from(type_name(e->type)));
	nr_json_key(&json, "erased");
	nr_json_bool(&json, e->erased);
	if (!e->erased)
		fields_json(&json, e);
	nr_json_object_end(&json);
	nr_buf_add(out, "\n", 1);
}

/* The same words as the objects have, with blanks between. */
void nr_journal_words_text(const struct nr_entry *e, struct nr_buf *out)
{
	char time[NR_TIME_TEXT], uuid[NR_UUID_TEXT] = "";

	(void)nr_time_print((struct nr_time){ e->arrived_ns }, time);
	nr_buf_addf(out, "%10llu  %s  %-10s", (unsigned long long)e->at, time, type_name(e->type));
	if (e->erased) {
		nr_buf_addf(out, "  erased\n");
		return;
	}
	if (e->type == NR_ENTRY_BATCH) {
		nr_uuid_print(e->batch.sensor, uuid);
		nr_buf_addf(out, "  %s  %llu/%llu  %zu bytes%s", uuid,
			    (unsigned long long)e->batch.batch.epoch,
			    (unsigned long long)e->batch.batch.seq, e->batch.batch.payload.n,
			    e->batch.imported ? "  imported" : "");
	} else if (e->type == NR_ENTRY_GAP) {
		nr_uuid_print(e->gap.sensor, uuid);
		nr_buf_addf(out, "  %s  %llu/%llu-%llu", uuid, (unsigned long long)e->gap.gap.epoch,
			    (unsigned long long)e->gap.gap.from_seq,
			    (unsigned long long)e->gap.gap.to_seq);
	} else if (e->type == NR_ENTRY_SENSOR) {
		nr_uuid_print(e->sensor.sensor, uuid);
		nr_buf_addf(out, "  %s  %s", uuid, event_name(e->sensor.event));
	} else if (e->type == NR_ENTRY_WATERMARK) {
		nr_buf_addf(out, "  %lld", (long long)e->watermark.tick);
	} else {
		nr_buf_addf(out, "  %zu bytes", e->text.text.n);
	}
	nr_buf_add(out, "\n", 1);
}
