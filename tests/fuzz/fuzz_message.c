/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages from a hostile peer: a head and a body. What is taken writes to the same bytes again; with the first byte
 * odd the length in the head is made right, so that bodies are reached.
 */
#include "record/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_batch(const struct nr_message *message)
{
	struct nr_batch_info info;
	struct nr_digest digest = nr_message_digest(&message->batch);

	nr_require(message->batch.seq > 0 && message->batch.epoch > 0);
	nr_require(nr_digest_eq(&digest, &digest));
	if (nr_batch_verify(message->batch.payload, &info, NULL) == 0)
		nr_require(info.size <= message->batch.payload.n && info.n_rows > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t head[NR_MESSAGE_HEAD], type;
	struct nr_message message;
	struct nr_bytes body;
	struct nr_buf out;
	struct nr_err err;
	uint32_t length;

	if (size < 1 + NR_MESSAGE_HEAD)
		return 0;
	memcpy(head, data + 1, sizeof(head));
	body = (struct nr_bytes){ data + 1 + sizeof(head), size - 1 - sizeof(head) };
	for (size_t i = 0; i < 4 && data[0] % 2 == 1; i++)
		head[i] = (uint8_t)(body.n >> (8 * i));
	if (nr_message_head(head, &type, &length, &err) < 0) {
		nr_require(strlen(err.msg) > 0);
		return 0;
	}
	nr_require(length <= NR_MESSAGE_MAX);
	if (length != body.n || nr_message_read(type, body, &message, &err) < 0)
		return 0;
	nr_require(message.type == type);
	nr_buf_init(&out, NR_MESSAGE_HEAD + NR_MESSAGE_MAX);
	nr_require(nr_message_write(&message, &out) == 0);
	nr_require(out.n == sizeof(head) + body.n && memcmp(out.p, head, sizeof(head)) == 0);
	nr_require(memcmp(out.p + sizeof(head), body.p, body.n) == 0);
	if (type == NR_MESSAGE_BATCH)
		check_batch(&message);
	nr_buf_done(&out);
	return 0;
}
