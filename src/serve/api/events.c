/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens, as it happens: text/event-stream (WHATWG HTML, 9.2). Each event is what the list of
 * its kind would give the same reader.
 *
 * finding  each revision that tells him something new, and that nobody of his suppressed; its id is a
 *          cursor, and who comes back with it as Last-Event-ID goes on behind it. Without one a
 *          stream begins with now.
 * sensor   each of his sensors at the beginning, then when it comes, goes or is changed
 * ask      each open question that he asked or that reaches him at the beginning, then new ones, and when
 *          one was answered or closed
 * status   of the hub, for the operator: at the beginning, when it changed, and every 30 s
 *
 * sensor, ask and status have no id: whoever comes back is told how it is now.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "serve/api/asks.h"
#include "serve/finding.h"
#include "serve/hub/hub_int.h"
#include "serve/said.h"

enum { PAGE = 200, RETRY_MS = 3000, ASKS = 1000 };

struct seen_sensor {
	struct nr_uuid uuid;
	uint8_t state;
	bool connected;
};

struct seen_ask {
	struct nr_uuid uuid;
	uint32_t answers;
	bool answered, listed; /* by his member; it is among the open ones now */
};

struct events {
	struct nr_hub *hub;
	const struct nr_http_request *rq; /* lives as long as the answer */
	const struct nr_scope *scope;	  /* the server keeps it as it is now */
	struct nr_cursor_keeper keeper;
	struct nr_cursor place;
	uint64_t heard[NR_NEWS_N];
	bool begun, behind; /* there may be more findings than the last page gave */
	struct seen_sensor *sensors;
	size_t n_sensors, room;
	struct seen_ask *asks; /* at most ASKS */
	size_t n_asks, room_asks;
};

/* ---- the format ---- */

/* What stands behind @p from becomes one line: JSON has line ends between its words at most. */
static void end_event(struct nr_buf *out, size_t from)
{
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] == '\n' || out->p[i] == '\r')
			out->p[i] = ' ';
	nr_buf_addf(out, "\n\n");
}

static void add_id(const struct events *events, struct nr_buf *out)
{
	char text[NR_CURSOR_TEXT];

	nr_cursor_print(&events->keeper, &events->place, text);
	nr_buf_addf(out, "id: %s\n", text);
}

/* ---- findings ---- */

/* @return 1 it was told; 0 there is nothing to tell him; negative */
static int tell_finding(struct events *events, const struct nr_finding_viewer *viewer,
			const struct nr_registry_finding *finding, struct nr_buf *out)
{
	struct nr_registry *registry = events->hub->core->registry;
	size_t before = out->n;
	struct nr_err err;
	int ret = nr_finding_is_news(viewer, registry, finding, &err);

	events->place.at = finding->sequence;
	if (ret <= 0)
		return ret;
	nr_buf_addf(out, "event: finding\n");
	add_id(events, out);
	nr_buf_addf(out, "data: ");
	size_t from = out->n;

	ret = nr_finding_copy_json(viewer, finding, out, &err);
	if (ret > 0)
		end_event(out, from);
	else
		out->n = before;
	return ret;
}

static int tell_findings(struct events *events, struct nr_time now, struct nr_buf *out)
{
	struct nr_finding_viewer viewer = { .scope = events->scope,
					    .secret = events->hub->cursors.key,
					    .now = now };
	struct nr_registry_finding_filter filter = { .scope = events->scope,
						     .now = now,
						     .after = events->place.at,
						     .limit = PAGE,
						     .revisions = true,
						     .suppressed = NR_SUPPRESSED_HIDE };
	struct nr_registry *registry = events->hub->core->registry;
	struct nr_finding_rows rows = { 0 };
	struct nr_said said;
	struct nr_err err;
	int ret = nr_said_read(registry, &events->scope->viewer, now, &said, &err);

	viewer.triage = nr_said_json;
	viewer.triage_ctx = &said;
	filter.rules = said.rules;
	filter.n_rules = said.n_rules;
	if (ret == 0)
		ret = nr_finding_rows_read(registry, &filter, &rows, &err);

	for (size_t i = 0; ret >= 0 && i < rows.n; i++)
		ret = tell_finding(events, &viewer, &rows.list[i], out);
	if (ret >= 0 && rows.page.last > events->place.at)
		events->place.at = rows.page.last;
	events->behind = rows.page.more;
	nr_finding_rows_done(&rows);
	nr_said_done(&said);
	return ret < 0 ? ret : 0;
}

/* ---- sensors ---- */

static struct seen_sensor *seen_of(struct events *events, struct nr_uuid uuid)
{
	for (size_t i = 0; i < events->n_sensors; i++)
		if (nr_uuid_eq(events->sensors[i].uuid, uuid))
			return &events->sensors[i];
	if (events->n_sensors == events->room) {
		size_t room = events->room > 0 ? 2 * events->room : 8;
		struct seen_sensor *more = reallocarray(events->sensors, room, sizeof(*more));

		if (more == NULL)
			return NULL;
		events->sensors = more;
		events->room = room;
	}
	events->sensors[events->n_sensors] = (struct seen_sensor){ .uuid = uuid };
	return &events->sensors[events->n_sensors++];
}

static int tell_sensor(struct events *events, struct nr_uuid uuid, struct nr_buf *out)
{
	struct nr_hub *hub = events->hub;
	struct nr_registry_sensor sensor;
	struct nr_ingest_sensor live;
	struct nr_err err;
	size_t known = events->n_sensors;
	int ret = nr_registry_sensor_find(hub->core->registry, uuid, &sensor, &err);

	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	struct seen_sensor *seen = seen_of(events, uuid);
	bool connected = nr_ingest_find(hub->ingest, uuid, &live) && live.connected;

	if (seen == NULL)
		return -ENOMEM;
	if (known == events->n_sensors && seen->state == sensor.state &&
	    seen->connected == connected)
		return 0;
	seen->state = sensor.state;
	seen->connected = connected;
	nr_buf_addf(out, "event: sensor\ndata: ");
	size_t from = out->n;
	struct nr_json json;

	nr_json_init(&json, out);
	nr_api_sensor_json(hub, &sensor, &json);
	end_event(out, from);
	return 0;
}

static int tell_sensors(struct events *events, struct nr_buf *out)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < events->scope->n_own; i++)
		ret = tell_sensor(events, events->scope->own[i], out);
	return ret;
}

/* ---- questions ---- */

struct ask_writer {
	struct events *events;
	struct nr_http_request rq; /* as if it were asked now */
	struct nr_buf *out;
};

static void tell_ask(struct ask_writer *writer, const struct nr_registry_ask *ask)
{
	struct nr_json json;

	nr_buf_addf(writer->out, "event: ask\ndata: ");
	size_t from = writer->out->n;

	nr_json_init(&json, writer->out);
	nr_asks_json(&writer->rq, ask, &json);
	end_event(writer->out, from);
}

static bool room_for_ask(struct events *events)
{
	size_t room = events->room_asks > 0 ? 2 * events->room_asks : 4;
	struct seen_ask *more;

	if (events->n_asks < events->room_asks)
		return true;
	if (events->n_asks >= ASKS)
		return false;
	more = reallocarray(events->asks, room, sizeof(*more));
	if (more == NULL)
		return false;
	events->asks = more;
	events->room_asks = room;
	return true;
}

static int look_at_ask(void *ctx, const struct nr_registry_ask *ask)
{
	struct ask_writer *writer = ctx;
	struct events *events = writer->events;
	bool own = nr_uuid_eq(ask->member, events->scope->viewer.member);
	uint32_t answers = own ? ask->answers : 0; /* another's are not his to know */
	struct seen_ask *seen = NULL;

	for (size_t i = 0; i < events->n_asks && seen == NULL; i++)
		if (nr_uuid_eq(events->asks[i].uuid, ask->uuid))
			seen = &events->asks[i];
	if (seen != NULL && seen->answers == answers && seen->answered == ask->answered) {
		seen->listed = true;
		return 0;
	}
	if (seen == NULL && room_for_ask(events))
		seen = &events->asks[events->n_asks++];
	if (seen != NULL)
		*seen = (struct seen_ask){ ask->uuid, answers, ask->answered, true };
	tell_ask(writer, ask);
	return writer->out->err;
}

/* Those that were open and are not any more: closed, over, or out of his reach. */
static void tell_closed(struct ask_writer *writer)
{
	struct events *events = writer->events;
	struct nr_registry_ask ask;
	size_t n = 0;

	for (size_t i = 0; i < events->n_asks; i++) {
		if (events->asks[i].listed) {
			events->asks[n++] = events->asks[i];
			continue;
		}
		if (nr_registry_ask_find(events->hub->core->registry, &events->scope->viewer,
					 events->asks[i].uuid, &ask, NULL) == 0)
			tell_ask(writer, &ask);
	}
	events->n_asks = n;
}

static int tell_asks(struct events *events, struct nr_time now, struct nr_buf *out)
{
	struct nr_registry_ask_filter filter = { .limit = ASKS, .open = true };
	struct ask_writer writer = { .events = events, .rq = *events->rq, .out = out };
	struct nr_err err;

	if (!events->scope->viewer.active)
		return 0;
	writer.rq.now = now;
	for (size_t i = 0; i < events->n_asks; i++)
		events->asks[i].listed = false;
	int64_t n = nr_registry_asks(events->hub->core->registry, &events->scope->viewer, &filter,
				     look_at_ask, &writer, &err);

	if (n >= 0)
		tell_closed(&writer);
	return n < 0 ? (int)n : 0;
}

/* ---- status ---- */

static void tell_status(struct events *events, struct nr_time now, struct nr_buf *out)
{
	struct nr_json json;

	if (!events->scope->viewer.active || events->scope->viewer.role != NR_ROLE_OPERATOR)
		return;
	nr_buf_addf(out, "event: status\ndata: ");
	size_t from = out->n;

	nr_json_init(&json, out);
	nr_api_status_json(events->hub, now, &json);
	end_event(out, from);
}

/* ---- the stream ---- */

static bool heard(struct events *events, enum nr_news_kind kind)
{
	uint64_t count = nr_news_count(&events->hub->core->news, kind);
	bool is_new = !events->begun || count != events->heard[kind];

	events->heard[kind] = count;
	return is_new;
}

static int more(void *ctx, struct nr_buf *out)
{
	struct events *events = ctx;
	struct nr_time now = nr_time_now();
	int ret = 0;

	if (!events->begun) { /* also what makes the head go out */
		nr_buf_addf(out, "retry: %d\n", RETRY_MS);
		add_id(events, out);
		nr_buf_addf(out, "\n");
	}
	bool look = heard(events, NR_NEWS_FINDINGS) || events->behind;
	size_t before = out->n;

	/* All of a page may be what he does not see: then what stands behind it is looked at at once. */
	while (ret == 0 && look) {
		ret = tell_findings(events, now, out);
		look = events->behind && out->n == before;
	}
	if (ret == 0 && heard(events, NR_NEWS_SENSORS))
		ret = tell_sensors(events, out);
	if (ret == 0 && heard(events, NR_NEWS_ASKS))
		ret = tell_asks(events, now, out);
	if (heard(events, NR_NEWS_STATUS))
		tell_status(events, now, out);
	events->begun = true;
	return ret < 0 ? ret : 1;
}

static void done(void *ctx)
{
	struct events *events = ctx;

	free(events->asks);
	free(events->sensors);
	free(events);
}

/* A cursor of events, or of the list of findings: who read that first goes on where it ended. */
static int read_place(struct events *events, const struct nr_http_request *rq,
		      struct nr_err *reterr)
{
	static const char *const names[] = { "since", NULL };
	struct nr_str text = { 0 };
	struct nr_cursor cursor;
	int ret = nr_http_only(rq, names, reterr);

	if (ret < 0)
		return ret;
	if (rq->last_event_id != NULL && rq->last_event_id[0] != '\0')
		text = nr_str_from(rq->last_event_id);
	else if (!nr_http_param(rq, "since", &text))
		return nr_registry_findings_newest(events->hub->core->registry, &events->place.at,
						   reterr);
	ret = nr_cursor_parse(&events->keeper, text, NR_CURSOR_EVENTS, &cursor, reterr);
	if (ret < 0)
		ret = nr_cursor_parse(&events->keeper, text, NR_CURSOR_FINDINGS, &cursor, reterr);
	if (ret < 0)
		return ret;
	events->place.at = cursor.at;
	events->place.other = cursor.other;
	return 0;
}

static int get_events(void *ctx, const struct nr_http_request *rq, struct nr_http_reply *reply)
{
	struct nr_hub *hub = ctx;
	struct events *events = calloc(1, sizeof(*events));

	if (events == NULL)
		return nr_fail(&reply->err, -ENOMEM, "no memory");
	events->hub = hub;
	events->rq = rq;
	events->scope = rq->scope;
	events->keeper = nr_cursor_bound(&hub->cursors, &rq->scope->viewer);
	events->place.kind = NR_CURSOR_EVENTS;
	int ret = read_place(events, rq, &reply->err);

	if (ret < 0) {
		done(events);
		return ret;
	}
	reply->type = "text/event-stream";
	reply->stream =
		(struct nr_http_stream){ .ctx = events, .more = more, .done = done, .live = true };
	return 0;
}

static const struct nr_http_route routes[] = {
	NR_ROUTE("GET", "/api/v1/events", VIEWER, .handle = get_events),
};

const struct nr_http_group nr_api_events = { "events", routes, NR_COUNT(routes) };
