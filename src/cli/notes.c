/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of the weightiest findings and sources; the order of arrival does not matter. */
#include <stdlib.h>

#include "base/hash.h"
#include "cli/report.h"

enum { TEXT_MAX = 4096 };

int nr_report_notes_new(struct nr_report_notes **ret_notes)
{
	*ret_notes = calloc(1, sizeof(**ret_notes));
	return *ret_notes != NULL ? 0 : -ENOMEM;
}

struct nr_report_notes *nr_report_notes_free(struct nr_report_notes *notes)
{
	free(notes);
	return NULL;
}

/* Weightier first; ties by address, then time, so that the list is the same in any order of arrival. */
static bool stands_before(const struct nr_note *a, const struct nr_note *b)
{
	int cmp = nr_ip_cmp(a->sort_ip, b->sort_ip);

	if (a->weight != b->weight)
		return a->weight > b->weight;
	return cmp != 0 ? cmp < 0 : a->first.ns < b->first.ns;
}

static bool same_prefix(const struct nr_note *a, const struct nr_note *b)
{
	unsigned len = nr_ip_is_v4(a->sort_ip) ? 120 : 48;

	return nr_ip_eq(nr_ip_mask(a->sort_ip, len), nr_ip_mask(b->sort_ip, len));
}

/*
 * A carpet attack must not fill the list with its victims: make room for @p note among those of its prefix.
 * @return false when they are all weightier
 */
static bool make_room_in_prefix(struct nr_note_list *list, const struct nr_note *note)
{
	size_t n_same = 0, lightest = 0;

	for (size_t i = 0; i < list->n; i++)
		if (same_prefix(&list->top[i], note)) {
			n_same++;
			lightest = i;
		}
	if (n_same < NR_NOTES_PER_PREFIX)
		return true;
	if (stands_before(&list->top[lightest], note))
		return false;
	list->n--;
	memmove(list->top + lightest, list->top + lightest + 1,
		(list->n - lightest) * sizeof(*list->top));
	return true;
}

static void keep(struct nr_note_list *list, const struct nr_note *note)
{
	size_t at = list->n;

	while (at > 0 && stands_before(note, &list->top[at - 1]))
		at--;
	if (at == NR_NOTES_TOP)
		return;
	list->n += list->n < NR_NOTES_TOP;
	memmove(list->top + at + 1, list->top + at, (list->n - at - 1) * sizeof(*list->top));
	list->top[at] = *note;
}

/* Cut at the last blank that fits, so that no port number is cut in two. */
static void set_text(char out[NR_NOTES_TEXT], struct nr_str text)
{
	if (text.n >= NR_NOTES_TEXT) {
		text.n = NR_NOTES_TEXT - 1;
		for (size_t i = text.n; i > 0; i--)
			if (text.p[i - 1] == ' ') {
				text.n = i - 1;
				break;
			}
	}
	(void)nr_str_escape(text, out, NR_NOTES_TEXT);
}

static double evidence(const struct nr_finding *finding, const char *name)
{
	double v = 0;

	return nr_fields_number(finding->evidence_fields, finding->n_evidence_fields,
				finding->evidence, name, &v)
		       ? v
		       : 0;
}

static bool evidence_text(const struct nr_finding *finding, const char *name, struct nr_buf *out)
{
	return nr_fields_text(finding->evidence_fields, finding->n_evidence_fields,
			      finding->evidence, name, out) &&
	       out->n > 0;
}

/* "tcp/23 tcp/2323" as people write it: "23/tcp 2323/tcp". */
static void note_ports(const struct nr_finding *finding, struct nr_buf *out)
{
	struct nr_buf text;

	nr_buf_init(&text, TEXT_MAX);
	(void)evidence_text(finding, "ports", &text);
	struct nr_str rest = nr_buf_str(&text);

	for (struct nr_str word = nr_str_word(&rest); word.n > 0; word = nr_str_word(&rest)) {
		struct nr_str port = word, proto = nr_str_cut(&port, '/');

		nr_buf_add(out, " ", out->n > 0 && out->p[out->n - 1] != ' ');
		if (port.n > 0 && !nr_str_starts(proto, NR_STR("icmp"))) {
			nr_buf_add_str(out, port);
			nr_buf_add(out, "/", 1);
		}
		nr_buf_add_str(out, proto);
	}
	nr_buf_done(&text);
}

/* What an infection is recognised by stands first, then the ports. */
static void note_signs(const struct nr_finding *finding, enum nr_note_kind kind,
		       struct nr_note *note)
{
	struct nr_buf text;

	nr_buf_init(&text, TEXT_MAX);
	if (kind == NR_NOTE_INFECTION && evidence_text(finding, "family", &text))
		nr_buf_add(&text, " ", 1);
	note_ports(finding, &text);
	set_text(note->signs, nr_buf_str(&text));
	nr_buf_done(&text);
}

static void count_net(struct nr_report_notes *notes, const struct nr_note *note)
{
	uint64_t hash = nr_mix64((uint64_t)note->asn << 16 |
				 (uint64_t)(uint8_t)note->economy[0] << 8 |
				 (uint8_t)note->economy[1]);

	for (size_t i = 0; i < NR_NOTES_NETS; i++) {
		struct nr_note_net *net = &notes->nets[(hash + i) % NR_NOTES_NETS];

		if (net->machines == 0) {
			net->asn = note->asn;
			net->as_name = note->as_name;
			memcpy(net->economy, note->economy, sizeof(net->economy));
		}
		if (net->asn == note->asn &&
		    memcmp(net->economy, note->economy, sizeof(net->economy)) == 0) {
			net->machines++;
			return;
		}
	}
	notes->nets_full++;
}

static enum nr_note_kind kind_of(const char *kind)
{
	static const struct {
		const char *name;
		enum nr_note_kind kind;
	} kinds[] = {
		{ "attack", NR_NOTE_ATTACK },
		{ "carpet", NR_NOTE_CARPET },
		{ "infection", NR_NOTE_INFECTION },
		{ "campaign", NR_NOTE_CAMPAIGN },
	};

	for (size_t i = 0; i < NR_COUNT(kinds); i++)
		if (strcmp(kind, kinds[i].name) == 0)
			return kinds[i].kind;
	return NR_NOTE_OTHER;
}

static int take_finding(void *ctx, const struct nr_finding *finding)
{
	struct nr_report_notes *notes = ctx;
	enum nr_note_kind kind = kind_of(finding->kind);
	struct nr_note note = {
		.sort_ip = finding->sort_ip,
		.first = finding->first,
		.last = finding->last,
		.asn = finding->asn,
		.as_name = finding->as_name,
		.confidence = finding->confidence,
		.continuing = finding->state == NR_FINDING_CONTINUING,
		.packets = evidence(finding, "packets"),
		.rate_lo = evidence(finding, "rate_lo"),
		.rate_hi = evidence(finding, "rate_hi"),
		.members = evidence(finding, kind == NR_NOTE_CARPET ? "victims" : "sources"),
	};

	note.has_rate = note.rate_hi > 0;
	note.weight = kind == NR_NOTE_CAMPAIGN	  ? note.members * 1e12 + note.packets
		      : kind == NR_NOTE_INFECTION ? note.confidence * 1e12 + note.packets
		      : note.has_rate		  ? evidence(finding, "rate")
						  : note.packets;
	memcpy(note.economy, finding->economy, sizeof(note.economy));
	set_text(note.subject, nr_str_from(finding->subject));
	note_signs(finding, kind, &note);
	notes->findings[kind].seen++;
	if (kind == NR_NOTE_INFECTION)
		count_net(notes, &note);
	if (kind != NR_NOTE_ATTACK || make_room_in_prefix(&notes->findings[kind], &note))
		keep(&notes->findings[kind], &note);
	return 0;
}

static void source_signs(const struct nr_source *source, struct nr_note *note)
{
	struct nr_buf text;

	nr_buf_init(&text, TEXT_MAX);
	(void)nr_fields_text(nr_source_type.fields, nr_source_type.n_fields, source, "tools",
			     &text);
	set_text(note->signs, nr_buf_str(&text));
	nr_buf_done(&text);
}

static int take_source(void *ctx, const struct nr_source *source)
{
	struct nr_report_notes *notes = ctx;

	/* who answers forged packets is a victim, whatever it touches */
	if (source->level < NR_LEVEL_SCANNER || source->traffic_class == NR_CLASS_BACKSCATTER)
		return 0;
	struct nr_note note = {
		.sort_ip = source->src,
		.first = source->first,
		.last = source->last,
		.asn = source->asn,
		.as_name = source->as_name,
		.benign_name = source->benign != NR_BENIGN_NONE ? source->benign_name : NULL,
		.level = source->level,
		.has_rate = source->has_rate,
		.rate_lo = source->rate_lo,
		.rate_hi = source->rate_hi,
		.packets = (double)source->packets,
		.members = (double)source->dst_n,
		.weight = (double)source->level * 1e15 + (double)source->packets,
	};
	struct nr_note_list *list = &notes->scanners;

	list->seen++;
	/* most sources are light: do not spell them out */
	if (list->n == NR_NOTES_TOP && note.weight < list->top[NR_NOTES_TOP - 1].weight)
		return 0;
	memcpy(note.economy, source->economy, sizeof(note.economy));
	(void)nr_ip_print(source->src, note.subject);
	source_signs(source, &note);
	keep(list, &note);
	return 0;
}

struct nr_engine_out nr_report_notes_out(struct nr_report_notes *notes)
{
	return (struct nr_engine_out){ .ctx = notes,
				       .source = take_source,
				       .finding = take_finding };
}
