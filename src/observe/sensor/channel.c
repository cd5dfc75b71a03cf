/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/sensor/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"

enum { MAGIC = 0x4e52484f };

int nr_order_send(int channel, struct nr_order order, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} room = { { 0 } };
	struct iovec part = { &order, sizeof(order) };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		msg.msg_control = room.bytes;
		msg.msg_controllen = sizeof(room.bytes);
		struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(int));
	}
	return sendmsg(channel, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int nr_order_receive(int channel, struct nr_order *ret_order, int *ret_fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} room = { { 0 } };
	struct iovec part = { ret_order, sizeof(*ret_order) };
	struct msghdr msg = { .msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = room.bytes,
			      .msg_controllen = sizeof(room.bytes) };
	ssize_t n = recvmsg(channel, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*ret_fd = -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(head), sizeof(int));
	return n == (ssize_t)sizeof(*ret_order) ? 1 : -EPROTO;
}

void nr_handover_write(const struct nr_spool_entry *entry, uint8_t out[NR_HANDOVER_HEAD])
{
	const uint64_t words[] = {
		MAGIC | (uint64_t)entry->payload.n << 32,
		entry->rows,
		entry->packets,
		(uint64_t)entry->first_tick,
		(uint64_t)entry->last_tick,
		(uint64_t)entry->made_ns,
	};
	_Static_assert(sizeof(words) == NR_HANDOVER_HEAD, "as described");

	memcpy(out, words, sizeof(words));
}

int nr_handover_read(const uint8_t bytes[NR_HANDOVER_HEAD], struct nr_spool_entry *ret_entry)
{
	struct nr_reader in = nr_reader_of(bytes, NR_HANDOVER_HEAD);
	struct nr_spool_entry entry = { 0 };
	uint32_t magic = nr_read_le32(&in);

	entry.payload.n = nr_read_le32(&in);
	entry.rows = nr_read_le32(&in);
	uint32_t zero = nr_read_le32(&in);

	entry.packets = nr_read_le64(&in);
	entry.first_tick = (int64_t)nr_read_le64(&in);
	entry.last_tick = (int64_t)nr_read_le64(&in);
	entry.made_ns = (int64_t)nr_read_le64(&in);
	if (magic != MAGIC || zero != 0 || entry.payload.n < NR_BATCH_HEADER ||
	    entry.payload.n > NR_BATCH_SIZE_MAX || entry.rows == 0 || entry.rows > NR_BATCH_ROWS ||
	    entry.first_tick > entry.last_tick)
		return NR_EDAMAGED;
	*ret_entry = entry;
	return 0;
}
