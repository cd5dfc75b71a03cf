/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api/figures_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "record/class.h"
#include "record/proto.h"

const char *const nr_thing_names[] = { "all",	 "port",    "asn",    "economy", "class",
				       "sensor", "address", "prefix", NULL };

/* ---- times ---- */

static int64_t floor_to(int64_t second, int64_t step)
{
	return second - second % step;
}

int nr_figures_time(const struct nr_http_request *rq, const char *name, int64_t fallback,
		    int64_t *ret_second, struct nr_err *reterr)
{
	struct nr_str text;
	struct nr_time t;
	int64_t span;

	*ret_second = fallback;
	if (!nr_http_param(rq, name, &text))
		return 0;
	if (nr_str_eq(text, NR_STR("now"))) {
		*ret_second = nr_time_floor_s(rq->now);
		return 0;
	}
	if (text.n > 1 && text.p[0] == '-' &&
	    nr_span_parse((struct nr_str){ text.p + 1, text.n - 1 }, &span) == 0) {
		*ret_second = nr_time_floor_s(rq->now) - span / NR_NS_PER_S;
		return 0;
	}
	if (nr_time_parse(text, &t) < 0)
		return nr_fail(
			reterr, NR_EUSAGE,
			"%s is no time: 2026-11-20T17:00:00Z, -24h, now, or seconds since 1970",
			name);
	*ret_second = nr_time_floor_s(t);
	return 0;
}

static int read_times(const struct nr_http_request *rq, uint32_t step, struct nr_figures *ask,
		      struct nr_err *reterr)
{
	int64_t now = nr_time_floor_s(rq->now), since = 0, until = 0;
	int64_t end = floor_to(now, NR_FIGURES_DAY) + INT64_C(2) * NR_FIGURES_DAY;
	int ret = nr_figures_time(rq, "until", now, &until, reterr);

	if (ret == 0)
		ret = nr_figures_time(rq, "since", until - NR_FIGURES_DAY, &since, reterr);
	if (ret < 0)
		return ret;
	since = since < 0 ? 0 : since > end ? end : since;
	until = until < 0 ? 0 : until > end ? end : until;
	if (until <= since)
		return nr_fail(reterr, NR_EUSAGE, "until has to be later than since");
	ask->step = step;
	ask->since = (uint32_t)floor_to(since, step);
	ask->until = (uint32_t)floor_to(until + step - 1, step);
	return 0;
}

/* ---- whose data ---- */

static int read_scope(const struct nr_http_request *rq, struct nr_figures_question *q,
		      struct nr_err *reterr)
{
	const struct nr_scope *scope = rq->scope;
	struct nr_str text;

	q->ask.shared = scope->n_own == 0;
	if (nr_http_param(rq, "scope", &text)) {
		q->ask.shared = nr_str_eq(text, NR_STR("shared"));
		if (!q->ask.shared && !nr_str_eq(text, NR_STR("own")))
			return nr_fail(reterr, NR_EUSAGE,
				       "scope is own (your sensors) or shared (those that others "
				       "share with you)");
	}
	q->ask.sensors = q->ask.shared ? scope->shared : scope->own;
	q->ask.n_sensors = q->ask.shared ? scope->n_shared : scope->n_own;
	q->ask.quorum = q->ask.shared ? scope->quorum : 0; /* 0 of shared: nothing */
	return 0;
}

int nr_figures_read(const struct nr_http_request *rq, uint32_t step,
		    struct nr_figures_question *ret_question, struct nr_err *reterr)
{
	*ret_question = (struct nr_figures_question){ .ask = { .n = NR_FIGURES_ROWS,
							       .port = NR_FIGURE_ANY,
							       .asn = NR_FIGURE_ANY,
							       .economy = NR_FIGURE_ANY,
							       .traffic_class = NR_FIGURE_ANY,
							       .key = NR_FIGURE_ANY } };
	int ret = read_scope(rq, ret_question, reterr);

	return ret == 0 ? read_times(rq, step, &ret_question->ask, reterr) : ret;
}

/* ---- one thing ---- */

static bool read_port(struct nr_str text, struct nr_thing *thing)
{
	static const uint8_t known[] = { NR_PROTO_TCP,	  NR_PROTO_UDP,	 NR_PROTO_ICMP,
					 NR_PROTO_ICMP6,  NR_PROTO_SCTP, NR_PROTO_IGMP,
					 NR_PROTO_UDPLITE };
	struct nr_str port = nr_str_cut(&text, '/');
	int64_t number, proto = NR_PROTO_TCP;

	if (nr_str_i64(port, 0, UINT16_MAX, &number) < 0)
		return false;
	if (text.n > 0 && nr_str_i64(text, 0, UINT8_MAX, &proto) < 0) {
		size_t i = 0;

		while (i < NR_COUNT(known) &&
		       !nr_str_eq(text, nr_str_from(nr_proto_name(known[i]))))
			i++;
		if (i == NR_COUNT(known))
			return false;
		proto = known[i];
	}
	thing->kind = NR_THING_PORT;
	thing->key = (uint64_t)proto << 16 | (uint64_t)number;
	nr_figures_key(NR_FIGURE_PORT, thing->key, thing->text);
	return true;
}

static bool is_letters(struct nr_str text, char first, char last)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < first || text.p[i] > last)
			return false;
	return true;
}

static bool read_asn(struct nr_str text, bool bare, struct nr_thing *thing)
{
	bool has_as = text.n > 2 && (text.p[0] == 'A' || text.p[0] == 'a') &&
		      (text.p[1] == 'S' || text.p[1] == 's');
	int64_t number;

	if (has_as)
		text = (struct nr_str){ text.p + 2, text.n - 2 };
	if ((!has_as && !bare) || nr_str_i64(text, 0, UINT32_MAX, &number) < 0)
		return false;
	thing->kind = NR_THING_AS;
	thing->key = (uint64_t)number;
	nr_figures_key(NR_FIGURE_AS, thing->key, thing->text);
	return true;
}

static bool read_economy(struct nr_str text, struct nr_thing *thing)
{
	if (text.n != 2 || !is_letters(text, 'A', 'Z'))
		return false;
	thing->kind = NR_THING_ECONOMY;
	thing->key = nr_str_eq(text, NR_STR("ZZ"))
			     ? 0
			     : (uint64_t)(uint8_t)text.p[0] << 8 | (uint8_t)text.p[1];
	nr_figures_key(NR_FIGURE_ECONOMY, thing->key, thing->text);
	return true;
}

static bool read_class(struct nr_str text, struct nr_thing *thing)
{
	for (uint64_t i = 0; i < NR_CLASS_N; i++)
		if (nr_str_eq(text, nr_str_from(nr_class_names[i]))) {
			thing->kind = NR_THING_CLASS;
			thing->key = i;
			nr_figures_key(NR_FIGURE_CLASS, i, thing->text);
			return true;
		}
	return false;
}

static bool read_prefix(struct nr_str text, struct nr_thing *thing)
{
	struct nr_ip ip;

	if (nr_ip_parse(text, &ip) == 0) {
		thing->kind = NR_THING_ADDRESS;
		thing->prefix = (struct nr_prefix){ .ip = ip, .len = 128 };
		(void)nr_ip_print(ip, thing->text);
		return true;
	}
	if (nr_prefix_parse(text, &thing->prefix) < 0)
		return false;
	thing->kind = NR_THING_PREFIX;
	(void)nr_prefix_print(thing->prefix, thing->text);
	return true;
}

static bool read_sensor(struct nr_hub *hub, const struct nr_scope *scope, struct nr_str text,
			struct nr_thing *thing)
{
	struct nr_registry *registry = hub->core->registry;
	struct nr_registry_sensor sensor;
	struct nr_uuid uuid;
	char name[NR_REGISTRY_NAME];
	int ret = -ENOENT;

	if (nr_uuid_parse(text, &uuid) == 0) {
		ret = nr_registry_sensor_find(registry, uuid, &sensor, NULL);
	} else if (text.n < sizeof(name)) {
		memcpy(name, text.p, text.n);
		name[text.n] = '\0';
		ret = nr_registry_sensor_named(registry, name, &sensor, NULL);
	}
	if (ret < 0 || !nr_scope_owns(scope, sensor.uuid))
		return false;
	thing->kind = NR_THING_SENSOR;
	thing->sensor = sensor.uuid;
	(void)snprintf(thing->text, sizeof(thing->text), "%s", sensor.name);
	return true;
}

/* What is wanted of each kind, in the words of who asks. */
static int not_read(enum nr_thing_kind kind, struct nr_err *reterr)
{
	static const char *const words[] = {
		[NR_THING_PORT] = "port is a number with a protocol: 23/tcp, 53/udp",
		[NR_THING_AS] = "asn is a number: 64500 or AS64500",
		[NR_THING_ECONOMY] = "economy is two letters: JP; ZZ where it is not known",
		[NR_THING_CLASS] = "class is scan, backscatter, amplify or other",
		[NR_THING_ADDRESS] = "src is an address or a prefix: 203.0.113.7, 2001:db8::/32",
	};

	if (kind == NR_THING_ALL || kind == NR_THING_SENSOR)
		return nr_fail(reterr, -ENOENT,
			       kind == NR_THING_SENSOR
				       ? "there is no such sensor"
				       : "that is no address, prefix, AS64500, economy (JP), port "
					 "(23/tcp), class or sensor of yours");
	return nr_fail(reterr, NR_EUSAGE, "%s", words[kind]);
}

/* In this order, when any of them will do. */
static bool read_one(struct nr_hub *hub, const struct nr_scope *scope, struct nr_str text,
		     enum nr_thing_kind kind, bool any, struct nr_thing *thing)
{
	switch (kind) {
	case NR_THING_PORT:
		return read_port(text, thing);
	case NR_THING_AS:
		return read_asn(text, !any, thing);
	case NR_THING_ECONOMY:
		return read_economy(text, thing);
	case NR_THING_CLASS:
		return read_class(text, thing);
	case NR_THING_SENSOR:
		return read_sensor(hub, scope, text, thing);
	case NR_THING_ADDRESS:
		return read_prefix(text, thing);
	case NR_THING_ALL:
	case NR_THING_PREFIX:
		break;
	}
	return false;
}

int nr_thing_read(struct nr_hub *hub, const struct nr_scope *scope, struct nr_str text,
		  enum nr_thing_kind kind, struct nr_thing *ret_thing, struct nr_err *reterr)
{
	static const uint8_t order[] = { NR_THING_PORT,	 NR_THING_AS,	   NR_THING_ECONOMY,
					 NR_THING_CLASS, NR_THING_ADDRESS, NR_THING_SENSOR };
	bool any = kind == NR_THING_ALL;

	for (size_t i = 0; i < NR_COUNT(order); i++) {
		*ret_thing = (struct nr_thing){ .kind = NR_THING_ALL };
		if ((any || kind == order[i]) &&
		    read_one(hub, scope, text, (enum nr_thing_kind)order[i], any, ret_thing))
			return 0;
	}
	return not_read(kind, reterr);
}

int nr_figures_of_thing(struct nr_figures_question *q, const struct nr_thing *thing,
			struct nr_err *reterr)
{
	static const uint8_t kinds[] = {
		[NR_THING_ALL] = NR_FIGURE_ALL,	    [NR_THING_PORT] = NR_FIGURE_PORT,
		[NR_THING_AS] = NR_FIGURE_AS,	    [NR_THING_ECONOMY] = NR_FIGURE_ECONOMY,
		[NR_THING_CLASS] = NR_FIGURE_CLASS, [NR_THING_SENSOR] = NR_FIGURE_ALL,
		[NR_THING_ADDRESS] = NR_FIGURE_ALL, [NR_THING_PREFIX] = NR_FIGURE_ALL,
	};

	q->ask.kind = kinds[thing->kind];
	q->ask.key = (int64_t)thing->key;
	q->ask.has_src = thing->kind == NR_THING_ADDRESS || thing->kind == NR_THING_PREFIX;
	q->ask.src = thing->prefix;
	if (thing->kind != NR_THING_SENSOR)
		return 0;
	if (q->ask.shared)
		return nr_fail(reterr, NR_EUSAGE,
			       "one sensor's figures are for its owner: scope=own");
	q->one = thing->sensor;
	q->ask.sensors = &q->one;
	q->ask.n_sensors = 1;
	return 0;
}

void nr_figures_key(enum nr_figure_kind kind, uint64_t key, char out[NR_REGISTRY_NAME])
{
	size_t cap = NR_REGISTRY_NAME;

	switch (kind) {
	case NR_FIGURE_PORT:
		(void)snprintf(out, cap, "%u/%s", (unsigned)(key & 0xffff),
			       nr_proto_name((uint8_t)(key >> 16)));
		break;
	case NR_FIGURE_ECONOMY:
		(void)snprintf(out, cap, "%c%c", key == 0 ? 'Z' : (char)(key >> 8),
			       key == 0 ? 'Z' : (char)(key & 0xff));
		break;
	case NR_FIGURE_AS:
		(void)snprintf(out, cap, "AS%" PRIu64, key);
		break;
	case NR_FIGURE_CLASS:
		(void)snprintf(out, cap, "%s", nr_class_name((uint8_t)key));
		break;
	case NR_FIGURE_ALL:
	case NR_FIGURE_ECONOMY_PORT:
		(void)snprintf(out, cap, "%" PRIu64, key);
		break;
	}
}
