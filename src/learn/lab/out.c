/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/lab/out.h"

#include <stdlib.h>

#include "base/io.h"
#include "base/json.h"

enum { BUFFER = 1 << 20, RECORD = 16, MAC = 14, LINKTYPE_ETHERNET = 1, LINKTYPE_RAW = 101 };

struct nr_lab_out {
	int fd, truth_fd;
	bool ethernet, nanoseconds;
	size_t n;
	int64_t second; /* the one that second_at belongs to: divisions are slow */
	int64_t second_at;
	struct nr_buf truth;
	uint8_t buf[BUFFER];
};

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4); /* the magic number tells the order of bytes */
}

int nr_lab_out_new(int fd, int truth_fd, enum nr_lab_link link, bool nanoseconds,
		   struct nr_lab_out **ret_out)
{
	struct nr_lab_out *out = malloc(sizeof(*out));

	if (out == NULL)
		return -ENOMEM;
	out->fd = fd;
	out->truth_fd = truth_fd;
	out->ethernet = link == NR_LAB_ETHERNET;
	out->nanoseconds = nanoseconds;
	out->second = INT64_MIN;
	out->second_at = 0;
	nr_buf_init(&out->truth, BUFFER + 65536);
	put32(out->buf, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4);
	put32(out->buf + 4, 2 | 4u << 16); /* version 2.4 */
	put32(out->buf + 8, 0);
	put32(out->buf + 12, 0);
	put32(out->buf + 16, 65535);
	put32(out->buf + 20, out->ethernet ? LINKTYPE_ETHERNET : LINKTYPE_RAW);
	out->n = 24;
	*ret_out = out;
	return 0;
}

struct nr_lab_out *nr_lab_out_free(struct nr_lab_out *out)
{
	if (out != NULL)
		nr_buf_done(&out->truth);
	free(out);
	return NULL;
}

static int write_packets(struct nr_lab_out *out)
{
	int r = nr_io_write_all(out->fd, out->buf, out->n);

	out->n = 0;
	return r;
}

static int put_packet(void *ctx, int64_t ts, uint8_t *ip, size_t n)
{
	static const uint8_t mac[MAC - 2] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	struct nr_lab_out *out = ctx;
	size_t link = out->ethernet ? MAC : 0;
	uint8_t *p;

	if (out->n + RECORD + link + n > BUFFER) {
		int r = write_packets(out);

		if (r < 0)
			return r;
	}
	if (ts - out->second_at >= NR_NS_PER_S || ts < out->second_at) {
		out->second = nr_time_floor_s((struct nr_time){ ts });
		out->second_at = out->second * NR_NS_PER_S;
	}
	uint32_t fraction = (uint32_t)(ts - out->second_at);

	p = out->buf + out->n;
	put32(p, (uint32_t)out->second);
	put32(p + 4, out->nanoseconds ? fraction : fraction / 1000);
	put32(p + 8, (uint32_t)(link + n));
	put32(p + 12, (uint32_t)(link + n));
	if (out->ethernet) {
		memcpy(p + RECORD, mac, sizeof(mac));
		p[RECORD + 12] = ip[0] >> 4 == 6 ? 0x86 : 0x08;
		p[RECORD + 13] = ip[0] >> 4 == 6 ? 0xdd : 0x00;
	}
	memcpy(p + RECORD + link, ip, n);
	out->n += RECORD + link + n;
	return 0;
}

static int write_truth(struct nr_lab_out *out)
{
	int r = out->truth.err;

	if (r == 0)
		r = nr_io_write_all(out->truth_fd, out->truth.p, out->truth.n);
	nr_buf_reset(&out->truth);
	return r;
}

static int put_truth(void *ctx, const struct nr_lab_world *world, const struct nr_lab_actor *actor)
{
	struct nr_lab_out *out = ctx;

	nr_lab_truth_print(world, actor, &out->truth);
	return out->truth.n > BUFFER || out->truth.err != 0 ? write_truth(out) : 0;
}

struct nr_lab_sink nr_lab_out_sink(struct nr_lab_out *out, bool with_truth)
{
	return (struct nr_lab_sink){ .ctx = out,
				     .packet = put_packet,
				     .truth = with_truth ? put_truth : NULL };
}

int nr_lab_out_flush(struct nr_lab_out *out)
{
	int r = write_packets(out);

	return r == 0 && out->truth_fd >= 0 ? write_truth(out) : r;
}

static void put_str(struct nr_json *json, const char *key, const char *text)
{
	nr_json_key(json, key);
	if (text != NULL)
		nr_json_str(json, nr_str_from(text));
	else
		nr_json_null(json);
}

static void put_number(struct nr_json *json, const char *key, double v)
{
	nr_json_key(json, key);
	nr_json_f64(json, v);
}

static void put_count(struct nr_json *json, const char *key, uint64_t v)
{
	nr_json_key(json, key);
	nr_json_u64(json, v);
}

static void put_time(struct nr_json *json, const char *key, int64_t t)
{
	nr_json_key(json, key);
	nr_json_time(json, (struct nr_time){ t });
}

static void put_label(struct nr_json *json, const struct nr_lab_label *label)
{
	char text[NR_PREFIX_TEXT];

	put_str(json, "actor", label->actor);
	put_str(json, "kind", label->kind);
	put_str(json, "tool", label->tool);
	if (label->campaign != 0)
		put_count(json, "campaign", label->campaign);
	if (label->rate > 0)
		put_number(json, "rate", label->rate);
	if (label->attack_rate > 0)
		put_number(json, "attack_rate", label->attack_rate);
	if (label->members != 0)
		put_count(json, "members", label->members);
	if (label->doubling_s > 0)
		put_number(json, "doubling_s", label->doubling_s);
	if (label->has_prefix) {
		(void)nr_prefix_print(label->prefix, text);
		put_str(json, "prefix", text);
	}
}

void nr_lab_truth_print(const struct nr_lab_world *world, const struct nr_lab_actor *actor,
			struct nr_buf *buf)
{
	static const char *const arrivals[] = { "poisson", "regular", "bursty" };
	bool is_group = strcmp(actor->label.actor, "campaign") == 0;
	struct nr_json json;

	nr_json_init(&json, buf);
	nr_json_object(&json);
	put_label(&json, &actor->label);
	put_time(&json, "start", actor->start);
	put_time(&json, "end", actor->end);
	if (!is_group) {
		nr_json_key(&json, "src");
		nr_json_ip(&json, actor->src);
		put_str(&json, "arrival", arrivals[actor->arrival]);
		nr_json_key(&json, "ports");
		nr_json_array(&json);
		for (unsigned i = 0; i < actor->n_ports; i++)
			nr_json_u64(&json, actor->ports[i]);
		nr_json_array_end(&json);
		put_count(&json, "packets", actor->packets);
		put_count(&json, "distinct", actor->touched.n);
		if (actor->packets > 0) {
			put_time(&json, "first", actor->first);
			put_time(&json, "last", actor->last);
		}
	}
	put_count(&json, "n", world->space.n_v4);
	nr_json_object_end(&json);
	nr_buf_add(buf, "\n", 1);
}
