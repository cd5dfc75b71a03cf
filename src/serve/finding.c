/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/finding.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypt.h"
#include "base/json.h"
#include "share/policy/copy_read.h"

enum { ROUNDS = 8, DEPTH = 4 };

static bool is_operator(const struct nr_finding_viewer *viewer)
{
	return viewer->scope != NULL && viewer->scope->viewer.active &&
	       viewer->scope->viewer.role == NR_ROLE_OPERATOR;
}

/* ---- ids: a Feistel network over 64 bits, its round function a keyed digest ---- */

static uint32_t round_of(const uint8_t *secret, uint8_t round, uint32_t half)
{
	static const char word[] = "noroshi finding id 1";
	uint8_t text[sizeof(word) + 5];

	memcpy(text, word, sizeof(word));
	text[sizeof(word)] = round;
	for (size_t i = 0; i < 4; i++)
		text[sizeof(word) + 1 + i] = (uint8_t)(half >> (8 * i));
	struct nr_digest d = nr_digest_join(secret, NR_FINDING_SECRET, text, sizeof(text));

	return (uint32_t)d.b[0] | (uint32_t)d.b[1] << 8 | (uint32_t)d.b[2] << 16 |
	       (uint32_t)d.b[3] << 24;
}

static uint64_t encipher(const uint8_t *secret, uint64_t v)
{
	uint32_t l = (uint32_t)(v >> 32), r = (uint32_t)v;

	for (uint8_t i = 0; i < ROUNDS; i++) {
		uint32_t next = l ^ round_of(secret, i, r);

		l = r;
		r = next;
	}
	return (uint64_t)l << 32 | r;
}

static uint64_t decipher(const uint8_t *secret, uint64_t v)
{
	uint32_t l = (uint32_t)(v >> 32), r = (uint32_t)v;

	for (uint8_t i = ROUNDS; i-- > 0;) {
		uint32_t before = r ^ round_of(secret, i, l);

		r = l;
		l = before;
	}
	return (uint64_t)l << 32 | r;
}

static bool id_parse(struct nr_str text, uint64_t *ret_id)
{
	*ret_id = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		*ret_id = *ret_id << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return text.n == NR_FINDING_ID - 1;
}

static bool translate(const struct nr_finding_viewer *viewer, struct nr_str id,
		      uint64_t (*how)(const uint8_t *secret, uint64_t v), char out[NR_FINDING_ID])
{
	uint64_t v;

	out[0] = '\0';
	if (!id_parse(id, &v))
		return false;
	if (!is_operator(viewer))
		v = how(viewer->secret, v);
	(void)snprintf(out, NR_FINDING_ID, "%016llx", (unsigned long long)v);
	return true;
}

bool nr_finding_id_for(const struct nr_finding_viewer *viewer, struct nr_str id,
		       char out[NR_FINDING_ID])
{
	return translate(viewer, id, encipher, out);
}

bool nr_finding_id_of(const struct nr_finding_viewer *viewer, struct nr_str id,
		      char out[NR_FINDING_ID])
{
	return translate(viewer, id, decipher, out);
}

/* ---- writing ---- */

static void put_text(struct nr_json *json, const char *key, struct nr_str text)
{
	nr_json_key(json, key);
	nr_json_str(json, text);
}

static void put_number(struct nr_json *json, const char *key, uint64_t v)
{
	nr_json_key(json, key);
	nr_json_u64(json, v);
}

static void put_time(struct nr_json *json, const char *key, struct nr_time t)
{
	nr_json_key(json, key);
	nr_json_time(json, t);
}

static void put_value(struct nr_json *json, const json_t *v, unsigned depth)
{
	const json_t *item;
	size_t i;

	switch (json_typeof(v)) {
	case JSON_STRING:
		nr_json_str(json, (struct nr_str){ json_string_value(v), json_string_length(v) });
		return;
	case JSON_INTEGER:
		nr_json_i64(json, json_integer_value(v));
		return;
	case JSON_REAL:
		nr_json_f64(json, json_real_value(v));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		nr_json_bool(json, json_is_true(v));
		return;
	case JSON_ARRAY:
		nr_json_array(json);
		if (depth > 0)
			json_array_foreach(v, i, item) put_value(json, item, depth - 1);
		nr_json_array_end(json);
		return;
	case JSON_OBJECT: /* no member that may be shown is one */
	case JSON_NULL:
		break;
	}
	nr_json_null(json);
}

/* Of the finding as it is, what says what it is; never how much of it was seen, or by whom. */
static void put_member(struct nr_json *json, const json_t *from, const char *name)
{
	const json_t *v = json_object_get(from, name);

	if (v == NULL)
		return;
	nr_json_key(json, name);
	put_value(json, v, 0);
}

/*
 * Rounded down to tenths: packets that one sensor more or less saw move the last digits.
 */
static void put_confidence(struct nr_json *json, const json_t *from)
{
	double v = json_number_value(json_object_get(from, "confidence"));
	int tenths = v >= 1 ? 10 : v > 0 ? (int)(v * 10) : 0;

	nr_json_key(json, "confidence");
	nr_json_f64(json, tenths / 10.0);
}

static void put_evidence(struct nr_json *json, const struct nr_copy_stored *stored)
{
	json_t *evidence = json_object_get(stored->json, "evidence"), *v;
	const char *name;

	nr_json_key(json, "evidence");
	nr_json_object(json);
	json_object_foreach(evidence, name, v)
	{
		if (!nr_copy_may_show(stored->facts.detector, nr_str_from(name)))
			continue;
		nr_json_key(json, name);
		put_value(json, v, DEPTH);
	}
	nr_json_object_end(json);
}

static void put_figures(struct nr_json *json, const char *key, const struct nr_copy_figures *f,
			bool own, unsigned quorum)
{
	nr_json_key(json, key);
	nr_json_object(json);
	put_number(json, "packets", f->packets);
	if (own)
		put_number(json, "bytes", f->bytes);
	put_time(json, "first", f->first);
	put_time(json, "last", f->last);
	put_number(json, "sensors", f->sensors);
	if (!own)
		put_number(json, "quorum", quorum);
	nr_json_object_end(json);
}

static const char *advice(const struct nr_copy_facts *facts)
{
	if (nr_str_eq(facts->kind, NR_STR("attack")) || nr_str_eq(facts->kind, NR_STR("carpet")))
		return "Answers of this address to forged packets are seen: it is under attack. "
		       "Look at its load and at what comes in, and ask your upstream to filter.";
	if (nr_str_eq(facts->kind, NR_STR("infection")))
		return "Packets from this address bear marks of malware. Find the machine behind it, "
		       "also behind address translation, take it off the network and renew it.";
	return "Packets from this address were seen where nobody should send any. Find the machine "
	       "behind it and ask its owner why.";
}

static void put_warned(struct nr_json *json, const struct nr_copy_stored *stored)
{
	nr_json_key(json, "warned");
	nr_json_object(json);
	put_time(json, "first", stored->copy.warned_first);
	put_time(json, "last", stored->copy.warned_last);
	put_text(json, "what_to_do", nr_str_from(advice(&stored->facts)));
	nr_json_object_end(json);
}

/* A sensor's owner knows his sensor: his is what it says, without the hub's numbers. */
static void put_sensor(struct nr_json *json, const struct nr_copy_stored *stored)
{
	const json_t *evidence = json_object_get(stored->json, "evidence");

	put_member(json, stored->json, "summary");
	nr_json_key(json, "evidence");
	nr_json_object(json);
	for (const char *const *name =
		     (const char *const[]){ "sensor", "lasted", "offset", "corrected",
					    "monitored_before", "monitored", "batches",
					    "observations", "packets", "reason", NULL };
	     *name != NULL; name++)
		put_member(json, evidence, *name);
	nr_json_object_end(json);
}

static void put_copy(const struct nr_finding_viewer *viewer, const char *id,
		     const struct nr_copy_stored *stored, struct nr_json *json)
{
	const struct nr_copy *copy = &stored->copy;
	bool about_sensor = nr_str_eq(stored->facts.detector, NR_STR("watch.v1"));
	struct nr_time first, last;

	nr_copy_span(copy, &first, &last);
	put_text(json, "id", nr_str_from(id));
	put_text(json, "copy", nr_str_from(nr_copy_names[copy->kind]));
	put_text(json, "detector", stored->facts.detector);
	put_text(json, "kind", stored->facts.kind);
	put_member(json, stored->json, "subject");
	put_confidence(json, stored->json);
	put_text(json, "state", nr_copy_state(copy, &stored->facts, viewer->now));
	put_time(json, "first", first);
	put_time(json, "last", last);
	put_member(json, stored->json, "asn");
	put_member(json, stored->json, "as_name");
	put_member(json, stored->json, "economy");
	if (about_sensor)
		put_sensor(json, stored);
	else if (copy->own || copy->shared)
		put_evidence(json, stored);
	if (copy->own && !about_sensor)
		put_figures(json, "own", &copy->own_figures, true, 0);
	if (copy->shared && viewer->scope != NULL)
		put_figures(json, "shared", &copy->shared_figures, false, viewer->scope->quorum);
	if (copy->warned)
		put_warned(json, stored);
}

/* ---- for whom ---- */

/* The revision's JSON is an object of ours: the hub's own members go in front, triage behind. */
static int all_json(const struct nr_finding_viewer *viewer,
		    const struct nr_registry_finding *finding, struct nr_buf *out)
{
	struct nr_str json = finding->json;

	if (json.n < 2 || json.p[json.n - 1] != '}')
		return NR_EDAMAGED;
	nr_buf_addf(out, "{\"sequence\":%llu,\"newest\":%s,", (unsigned long long)finding->sequence,
		    finding->newest ? "true" : "false");
	nr_buf_add(out, json.p + 1, json.n - 2);
	if (viewer->triage != NULL) {
		struct nr_json j;
		size_t brace;

		nr_json_init(&j, out);
		brace = out->n;
		nr_json_object(&j);
		viewer->triage(viewer->triage_ctx, viewer, finding, &j);
		if (out->err == 0 && out->n > brace + 1)
			out->p[brace] = ','; /* what it added goes on in the object that is open */
		else
			out->n = brace;
	}
	nr_buf_addf(out, "}");
	return out->err < 0 ? out->err : 1;
}

int nr_finding_copy_json(const struct nr_finding_viewer *viewer,
			 const struct nr_registry_finding *finding, struct nr_buf *out,
			 struct nr_err *reterr)
{
	struct nr_copy_stored stored = { 0 };
	char id[NR_FINDING_ID];
	struct nr_json json;
	int ret;

	if (is_operator(viewer)) {
		ret = all_json(viewer, finding, out);
		return ret < 0 ? nr_fail(reterr, ret, "finding: %s", nr_err_text(ret)) : ret;
	}
	ret = nr_copy_of_stored(viewer->scope, finding->json, finding->sightings, &stored);
	if (ret == 0 && stored.copy.kind != NR_COPY_NONE &&
	    !nr_finding_id_for(viewer, finding->id, id))
		ret = NR_EDAMAGED;
	if (ret == 0 && stored.copy.kind != NR_COPY_NONE) {
		nr_json_init(&json, out);
		nr_json_object(&json);
		put_copy(viewer, id, &stored, &json);
		if (viewer->triage != NULL)
			viewer->triage(viewer->triage_ctx, viewer, finding, &json);
		nr_json_object_end(&json);
		ret = out->err < 0 ? out->err : 1;
	}
	nr_copy_done(&stored);
	return ret < 0 ? nr_fail(reterr, ret, "finding: %s", nr_err_text(ret)) : ret;
}

/* ---- rows ---- */

static struct nr_str keep(char **at, struct nr_str s)
{
	struct nr_str kept = { *at, s.n };

	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

static int rows_add(void *ctx, const struct nr_registry_finding *f)
{
	struct nr_finding_rows *rows = ctx;
	size_t n = f->id.n + f->detector.n + f->state.n + f->json.n + f->subject.n + f->sightings.n;
	char *text;

	if (rows->n > 0 && rows->bytes + n > NR_FINDING_ROWS_BYTES)
		return 1;
	if (rows->n == rows->room) {
		size_t room = rows->room == 0 ? 64 : 2 * rows->room;
		void *list = realloc(rows->list, room * sizeof(rows->list[0]));

		if (list == NULL)
			return -ENOMEM;
		rows->list = list;
		rows->room = room;
	}
	if ((text = malloc(n + 1)) == NULL)
		return -ENOMEM;
	struct nr_registry_finding *to = &rows->list[rows->n++];

	*to = *f;
	to->id = keep(&text, f->id); /* it stands first, so its text is the block */
	to->detector = keep(&text, f->detector);
	to->state = keep(&text, f->state);
	to->json = keep(&text, f->json);
	to->subject = keep(&text, f->subject);
	to->sightings = keep(&text, f->sightings);
	rows->bytes += n;
	return 0;
}

int nr_finding_rows_read(struct nr_registry *registry,
			 const struct nr_registry_finding_filter *filter,
			 struct nr_finding_rows *rows, struct nr_err *reterr)
{
	int64_t n = nr_registry_findings(registry, filter, rows_add, rows, &rows->page, reterr);

	return n < 0 ? (int)n : 0;
}

void nr_finding_rows_done(struct nr_finding_rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		free((void *)(uintptr_t)rows->list[i].id.p);
	free(rows->list);
	*rows = (struct nr_finding_rows){ 0 };
}

/* ---- news ---- */

static int plain_json(const struct nr_finding_viewer *viewer,
		      const struct nr_registry_finding *finding, struct nr_buf *out,
		      struct nr_err *reterr)
{
	struct nr_finding_viewer plain = { viewer->scope, viewer->secret, viewer->now, NULL, NULL };

	return nr_finding_copy_json(&plain, finding, out, reterr);
}

static int differ(const struct nr_finding_viewer *viewer, const struct nr_registry_finding *before,
		  const struct nr_registry_finding *finding, struct nr_err *reterr)
{
	enum { TEXT_MAX = 1 << 20 };
	struct nr_buf a, b;

	nr_buf_init(&a, TEXT_MAX);
	nr_buf_init(&b, TEXT_MAX);
	int ret = plain_json(viewer, before, &a, reterr), was = ret;

	if (ret >= 0)
		ret = plain_json(viewer, finding, &b, reterr);
	if (ret >= 0)
		ret = was != ret || a.n != b.n || (a.n > 0 && memcmp(a.p, b.p, a.n) != 0);
	nr_buf_done(&a);
	nr_buf_done(&b);
	return ret;
}

int nr_finding_is_news(const struct nr_finding_viewer *viewer, struct nr_registry *registry,
		       const struct nr_registry_finding *finding, struct nr_err *reterr)
{
	struct nr_registry_finding_filter filter = { .scope = viewer->scope,
						     .now = viewer->now,
						     .limit = 1,
						     .id = finding->id,
						     .revisions = true,
						     .revision = finding->revision - 1 };
	struct nr_finding_rows rows = { 0 };
	int ret;

	if (is_operator(viewer) || finding->revision <= 1)
		return 1;
	ret = nr_finding_rows_read(registry, &filter, &rows, reterr);
	if (ret == 0)
		ret = rows.n == 0 ? 1 : differ(viewer, &rows.list[0], finding, reterr);
	nr_finding_rows_done(&rows);
	return ret;
}
