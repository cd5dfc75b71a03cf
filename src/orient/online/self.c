/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.v1: findings about ourselves. What is wrong with a sensor was decided by orient/watch or
 * said by the sensor, and journalled; here it becomes findings that are new, continue and end.
 * Their times are the hub's.
 */
#include <stdio.h>

#include "orient/online/online_int.h"

static const int64_t QUIET_NS = 600 * NR_NS_PER_S; /* gaps and conflicts are over after that */
static const int64_t USUAL_NS = 86400 *
				NR_NS_PER_S; /* fewer addresses for so long are the usual number */
static const double LOST_SHARE = 0.9, FOUND_SHARE = 0.95;

/* ---- evidence ---- */

struct self_evidence {
	char sensor[NR_UUID_TEXT];
	uint8_t kind, reason;
	bool corrected;
	double offset_s, lasted_s;
	uint64_t before, now;
	uint64_t batches, observations, packets;
};

#define EV(record) ((const struct self_evidence *)(record))
#define AT(member) offsetof(struct self_evidence, member)

static void sensor_json(const void *record, struct nr_json *j)
{
	nr_json_str(j, nr_str_from(EV(record)->sensor));
}

static void sensor_cell(const void *record, struct nr_buf *out)
{
	nr_buf_add_str(out, nr_str_from(EV(record)->sensor));
}

static bool is_clock(const void *record)
{
	return EV(record)->kind == SELF_CLOCK;
}
static bool is_addresses(const void *record)
{
	return EV(record)->kind == SELF_ADDRESSES;
}
static bool is_lost(const void *record)
{
	return EV(record)->kind == SELF_LOST;
}
static bool is_counted(const void *record)
{
	return EV(record)->kind == SELF_LOST || EV(record)->kind == SELF_CONFLICT;
}

static const char *const reason_names[] = { "unknown", "spool-full", "spool-damaged", "unexplained",
					    NULL };

static const char *reason_label(uint8_t value)
{
	return reason_names[value <= NR_GAP_UNEXPLAINED ? value : 0];
}

static const struct nr_field self_fields[] = {
	{ .name = "sensor",
	  .type = NR_FIELD_CUSTOM,
	  .json = sensor_json,
	  .cell = sensor_cell,
	  .schema = "{\"type\":\"string\"}",
	  .help = "UUID of the sensor." },
	{ .name = "lasted",
	  .type = NR_FIELD_F64,
	  .unit = "s",
	  .offset = AT(lasted_s),
	  .help = "From the first sign to the last." },
	{ .name = "offset",
	  .type = NR_FIELD_F64,
	  .unit = "s",
	  .offset = AT(offset_s),
	  .present = is_clock,
	  .help = "The hub's clock minus the sensor's." },
	{ .name = "corrected",
	  .type = NR_FIELD_BOOL,
	  .offset = AT(corrected),
	  .present = is_clock,
	  .help = "Times of its observations are corrected by whole seconds." },
	{ .name = "monitored_before",
	  .type = NR_FIELD_U64,
	  .unit = "addresses",
	  .offset = AT(before),
	  .present = is_addresses,
	  .help = "Addresses it used to watch." },
	{ .name = "monitored",
	  .type = NR_FIELD_U64,
	  .unit = "addresses",
	  .offset = AT(now),
	  .present = is_addresses,
	  .help = "Addresses it watches now." },
	{ .name = "batches",
	  .type = NR_FIELD_U64,
	  .unit = "batches",
	  .offset = AT(batches),
	  .present = is_counted,
	  .help = "Batches that will never come, or that contradict what was acknowledged." },
	{ .name = "observations",
	  .type = NR_FIELD_U64,
	  .offset = AT(observations),
	  .present = is_lost,
	  .help = "Observations in them." },
	{ .name = "packets",
	  .type = NR_FIELD_U64,
	  .unit = "packets",
	  .offset = AT(packets),
	  .present = is_lost,
	  .help = "Packets in them." },
	{ .name = "reason",
	  .type = NR_FIELD_LABEL,
	  .offset = AT(reason),
	  .label = reason_label,
	  .labels = reason_names,
	  .present = is_lost,
	  .help = "Why, as the sensor says; unexplained: numbers are missing." },
};

static const char *const kind_names[SELF_N] = { "sensor-silent",  "parser-frozen", "clock-off",
						"addresses-lost", "data-lost",	   "conflict" };

static void summary_text(const struct self_issue *issue, enum self_kind kind, struct nr_finding *f)
{
	char span[NR_SPAN_TEXT];
	const char *who = f->subject;
	size_t cap = sizeof(f->summary);

	nr_span_print_human(issue->last - issue->since, span);
	switch (kind) {
	case SELF_SILENT:
		if (f->state == NR_FINDING_ENDED)
			(void)snprintf(f->summary, cap, "Sensor %s was silent for %s", who, span);
		else
			(void)snprintf(f->summary, cap,
				       "Sensor %s is silent: nobody watches its addresses", who);
		break;
	case SELF_FROZEN:
		(void)snprintf(f->summary, cap,
			       "Sensor %s lives, but its parser has stood still for %s", who, span);
		break;
	case SELF_CLOCK:
		(void)snprintf(f->summary, cap,
			       "The clock of sensor %s is off by %.1f s; its times are corrected",
			       who, (double)issue->offset_ns / 1e9);
		break;
	case SELF_ADDRESSES:
		(void)snprintf(f->summary, cap,
			       "Sensor %s watches %llu addresses, it used to be %llu", who,
			       (unsigned long long)issue->now, (unsigned long long)issue->before);
		break;
	case SELF_LOST:
		(void)snprintf(f->summary, cap,
			       "%llu batches of sensor %s are lost (%s): %llu observations",
			       (unsigned long long)issue->batches, who, reason_label(issue->reason),
			       (unsigned long long)issue->observations);
		break;
	case SELF_CONFLICT:
		(void)snprintf(
			f->summary, cap,
			"%llu batches of sensor %s contradict what it had sent under the same "
			"numbers: they are kept aside",
			(unsigned long long)issue->batches, who);
		break;
	case SELF_N:
		break;
	}
}

static void subject_text(const struct online_sensor *s, char out[NR_SUBJECT_TEXT])
{
	char uuid[NR_UUID_TEXT];

	nr_uuid_print(s->id, uuid);
	(void)snprintf(out, NR_SUBJECT_TEXT, "%s", s->name[0] != '\0' ? s->name : uuid);
	for (char *c = out; *c != '\0'; c++)
		*c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
}

static int say(struct nr_online *online, const struct online_sensor *s, enum self_kind kind)
{
	const struct self_issue *issue = &s->issues[kind];
	struct self_evidence ev = {
		.kind = (uint8_t)kind,
		.reason = issue->reason,
		.corrected = true,
		.offset_s = (double)issue->offset_ns / 1e9,
		.lasted_s = (double)(issue->last - issue->since) / 1e9,
		.before = issue->before,
		.now = issue->now,
		.batches = issue->batches,
		.observations = issue->observations,
		.packets = issue->packets,
	};
	struct nr_finding f = {
		.detector = "watch.v1",
		.kind = kind_names[kind],
		.confidence = 1,
		.certainty = NR_CERTAINTY_CONFIRMED,
		.state = issue->is_open ? NR_FINDING_CONTINUING : NR_FINDING_ENDED,
		.first = { issue->since },
		.last = { issue->last },
		.detected = { issue->detected },
		.evidence_fields = self_fields,
		.n_evidence_fields = NR_COUNT(self_fields),
		.evidence = &ev,
		.evidence_size = sizeof(ev),
	};

	nr_uuid_print(s->id, ev.sensor);
	subject_text(s, f.subject);
	summary_text(issue, kind, &f);
	f.id = nr_finding_id(&f);
	struct nr_sighting itself = { .sensor = s->id, .first = f.first, .last = f.last };

	return online_say(online, &f, &(struct nr_sightings){ &itself, 1 });
}

/* ---- the life of an issue ---- */

static int begin(struct nr_online *online, struct online_sensor *s, enum self_kind kind,
		 int64_t since, int64_t now)
{
	struct self_issue *issue = &s->issues[kind];

	if (issue->is_open)
		return 0;
	issue->is_open = 1;
	issue->since = since > 0 && since < now ? since : now;
	issue->last = issue->detected = now;
	return say(online, s, kind);
}

static int end(struct nr_online *online, struct online_sensor *s, enum self_kind kind, int64_t now)
{
	struct self_issue *issue = &s->issues[kind];

	if (!issue->is_open)
		return 0;
	issue->is_open = 0;
	issue->last = now > issue->last ? now : issue->last;
	int r = say(online, s, kind);

	*issue = (struct self_issue){ 0 };
	return r;
}

static void due(struct nr_online *online, int64_t at)
{
	online->self_due = at < online->self_due ? at : online->self_due;
}

/* ---- what the journal says ---- */

static int monitored(struct nr_online *online, struct online_sensor *s, uint64_t n, int64_t now)
{
	struct self_issue *issue = &s->issues[SELF_ADDRESSES];
	double usual = (double)s->monitored_usual;
	int r = 0;

	s->monitored = n;
	if (n > s->monitored_usual)
		s->monitored_usual = n;
	if (issue->is_open) {
		bool fell = n < issue->now && (double)n < LOST_SHARE * (double)issue->now;

		issue->last = now;
		issue->now = n;
		if ((double)n >= FOUND_SHARE * (double)issue->before)
			r = end(online, s, SELF_ADDRESSES, now);
		else if (fell)
			r = say(online, s, SELF_ADDRESSES);
	} else if ((double)n < LOST_SHARE * usual) {
		issue->before = s->monitored_usual;
		issue->now = n;
		r = begin(online, s, SELF_ADDRESSES, now, now);
		due(online, now + USUAL_NS);
	}
	return r;
}

static int all_end(struct nr_online *online, struct online_sensor *s, int64_t now)
{
	int r = 0;

	for (unsigned k = 0; k < SELF_N && r == 0; k++)
		r = end(online, s, (enum self_kind)k, now);
	return r;
}

static int clock_off(struct nr_online *online, struct online_sensor *s, int64_t offset, int64_t now)
{
	struct self_issue *issue = &s->issues[SELF_CLOCK];

	issue->offset_ns = offset;
	if (!issue->is_open)
		return begin(online, s, SELF_CLOCK, now, now);
	issue->last = now;
	return say(online, s, SELF_CLOCK);
}

static int event(struct nr_online *online, struct online_sensor *s,
		 const struct nr_entry_sensor *what, int64_t now)
{
	int r = 0;

	switch ((enum nr_sensor_event)what->event) {
	/* whatever was said before: it is said again when it still holds */
	case NR_SENSOR_APPEARED:
		s->flags = SENSOR_STATED;
		for (unsigned k = SELF_SILENT; k <= SELF_CLOCK && r == 0; k++)
			r = end(online, s, (enum self_kind)k, now);
		return r < 0 ? r : monitored(online, s, what->monitored_v4, now);
	case NR_SENSOR_SILENT:
		s->flags |= SENSOR_SILENT;
		r = end(online, s, SELF_FROZEN, now);
		return r < 0 ? r : begin(online, s, SELF_SILENT, what->value, now);
	case NR_SENSOR_RETURNED:
		s->flags &= (uint8_t) ~(SENSOR_SILENT | SENSOR_REVOKED);
		r = end(online, s, SELF_SILENT, now);
		return r < 0 ? r : monitored(online, s, what->monitored_v4, now);
	case NR_SENSOR_FROZEN:
		s->flags |= SENSOR_FROZEN;
		return begin(online, s, SELF_FROZEN, what->value, now);
	case NR_SENSOR_THAWED:
		s->flags &= (uint8_t)~SENSOR_FROZEN;
		return end(online, s, SELF_FROZEN, now);
	case NR_SENSOR_CLOCK_OFF:
		return clock_off(online, s, what->value, now);
	case NR_SENSOR_CLOCK_GOOD:
		return end(online, s, SELF_CLOCK, now);
	case NR_SENSOR_MONITORED:
		return monitored(online, s, what->monitored_v4, now);
	case NR_SENSOR_REVOKED:
		s->flags |= SENSOR_REVOKED;
		return all_end(online, s, now);
	case NR_SENSOR_CAUGHT_UP:
	case NR_SENSOR_EVENT_N:
		break;
	}
	return 0;
}

int online_self_sensor(struct nr_online *online, const struct nr_entry *entry)
{
	const struct nr_entry_sensor *what = &entry->sensor;
	struct online_sensor *s = online_sensor_get(online, what->sensor, true);

	if (s == NULL)
		return 0;
	if (what->name[0] != '\0')
		(void)snprintf(s->name, sizeof(s->name), "%.*s", (int)sizeof(what->name) - 1,
			       what->name);
	s->flags |= SENSOR_STATED;
	int r = event(online, s, what, entry->arrived_ns);

	online_count_addresses(online);
	return r;
}

static int counted(struct nr_online *online, struct online_sensor *s, enum self_kind kind,
		   int64_t now)
{
	struct self_issue *issue = &s->issues[kind];
	int r = 0;

	due(online, now + QUIET_NS);
	if (!issue->is_open)
		r = begin(online, s, kind, now, now);
	else if (issue->batches >= 2 * issue->said_batches)
		r = say(online, s, kind);
	else
		return 0;
	issue->said_batches = issue->batches;
	return r;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

int online_self_gap(struct nr_online *online, const struct nr_entry *entry)
{
	const struct nr_message_gap *gap = &entry->gap.gap;
	struct online_sensor *s = online_sensor_get(online, entry->gap.sensor, true);

	if (s == NULL)
		return 0;
	struct self_issue *issue = &s->issues[SELF_LOST];

	issue->batches = add(issue->batches,
			     gap->to_seq >= gap->from_seq ? gap->to_seq - gap->from_seq + 1 : 0);
	issue->observations = add(issue->observations, gap->observations);
	issue->packets = add(issue->packets, gap->packets);
	issue->reason = gap->reason <= NR_GAP_UNEXPLAINED ? gap->reason : 0;
	issue->last = entry->arrived_ns;
	return counted(online, s, SELF_LOST, entry->arrived_ns);
}

int online_self_conflict(struct nr_online *online, const struct nr_entry *entry)
{
	struct online_sensor *s = online_sensor_get(online, entry->text.sensor, true);

	if (s == NULL)
		return 0;
	s->issues[SELF_CONFLICT].batches = add(s->issues[SELF_CONFLICT].batches, 1);
	s->issues[SELF_CONFLICT].last = entry->arrived_ns;
	return counted(online, s, SELF_CONFLICT, entry->arrived_ns);
}

/* ---- time ---- */

static int quiet(struct nr_online *online, struct online_sensor *s, enum self_kind kind,
		 int64_t now)
{
	const struct self_issue *issue = &s->issues[kind];

	if (!issue->is_open)
		return 0;
	if (now - issue->last >= QUIET_NS)
		return end(online, s, kind, issue->last);
	due(online, issue->last + QUIET_NS);
	return 0;
}

static int usual(struct nr_online *online, struct online_sensor *s, int64_t now)
{
	const struct self_issue *issue = &s->issues[SELF_ADDRESSES];

	if (!issue->is_open)
		return 0;
	if (now - issue->since < USUAL_NS) {
		due(online, issue->since + USUAL_NS);
		return 0;
	}
	s->monitored_usual = s->monitored;
	return end(online, s, SELF_ADDRESSES, now);
}

int online_self_time(struct nr_online *online, int64_t now)
{
	int r = 0;

	if (NR_LIKELY(now < online->self_due))
		return 0;
	online->self_due = INT64_MAX;
	for (uint32_t i = 0; i < online->sensors.n && r == 0; i++) {
		struct online_sensor *s = nr_table_at(&online->sensors, i);

		r = quiet(online, s, SELF_LOST, now);
		if (r == 0)
			r = quiet(online, s, SELF_CONFLICT, now);
		if (r == 0)
			r = usual(online, s, now);
	}
	return r;
}

/* Of a snapshot: what is used as an index or text. */
bool online_self_ok(const struct online_sensor *s)
{
	if (memchr(s->name, '\0', sizeof(s->name)) == NULL || s->lane > NR_ONLINE_LANES)
		return false;
	for (unsigned k = 0; k < SELF_N; k++)
		if (s->issues[k].is_open > 1 || s->issues[k].reason > NR_GAP_UNEXPLAINED ||
		    s->issues[k].since > s->issues[k].last)
			return false;
	return true;
}
