/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api/admin.h"

enum { DURABLE_MS = 30000 };

/* sensor, digest, name */
int nr_admin_import_begin(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	char sensor[NR_REGISTRY_NAME], name[NR_REGISTRY_NAME], uuid[NR_UUID_TEXT];
	struct nr_import_begun begun = { 0 };
	struct nr_digest digest;
	int ret = nr_admin_text(admin, "sensor", sensor, sizeof(sensor), reterr);

	if (ret == 0)
		ret = nr_admin_text(admin, "name", name, sizeof(name), reterr);
	if (ret == 0)
		ret = nr_admin_hex(admin, "digest", digest.b, sizeof(digest.b), reterr);
	if (ret == 0)
		ret = nr_import_begin(admin->import, sensor, &digest, name, &admin->act, &begun,
				      reterr);
	if (ret < 0)
		return ret;
	nr_uuid_print(begun.sensor, uuid);
	nr_buf_addf(out, "%s %llu %llu %llu %d\n", uuid, (unsigned long long)begun.epoch,
		    (unsigned long long)begun.next_seq, (unsigned long long)begun.batches,
		    begun.done);
	return 0;
}

/* sensor (UUID), epoch, seq; the body is the batch */
int nr_admin_import_batch(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	uint64_t epoch, seq, at = 0;
	struct nr_uuid sensor;
	int ret = nr_admin_uuid(admin, "sensor", &sensor, reterr);

	if (ret == 0)
		ret = nr_admin_number(admin, "epoch", &epoch, reterr);
	if (ret == 0)
		ret = nr_admin_number(admin, "seq", &seq, reterr);
	if (ret == 0)
		ret = nr_import_batch(admin->import, sensor, epoch, seq, admin->body, &at, reterr);
	if (ret == 0)
		nr_buf_addf(out, "%llu\n", (unsigned long long)at);
	return ret;
}

/* sensor (UUID), epoch */
int nr_admin_import_end(const struct nr_admin *admin, struct nr_buf *out, struct nr_err *reterr)
{
	struct nr_uuid sensor;
	uint64_t epoch, batches;
	int ret = nr_admin_uuid(admin, "sensor", &sensor, reterr);

	if (ret == 0)
		ret = nr_admin_number(admin, "epoch", &epoch, reterr);
	if (ret == 0)
		ret = nr_import_end(admin->import, sensor, epoch, &admin->act, &batches, reterr);
	if (ret == 0)
		nr_buf_addf(out, "%llu\n", (unsigned long long)batches);
	return ret;
}
