/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/sensor/identity.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "record/enrol.h"

enum { TEXT_MAX = 64 << 10 };
static const char key_begins[] = "-----BEGIN PRIVATE KEY-----";

static int wrong(struct nr_err *reterr, const char *path)
{
	char shown[256];

	nr_str_escape(nr_str_from(path), shown, sizeof(shown));
	return nr_fail(reterr, NR_EFORMAT, "%s: not an identity; join the hub again", shown);
}

static int parse(struct nr_identity *identity)
{
	const char *text = (const char *)identity->text.p;
	const char *key = memmem(text, identity->text.n, key_begins, sizeof(key_begins) - 1);
	struct nr_enrol_answer answer;

	if (key == NULL)
		return -EINVAL;
	identity->key = (struct nr_str){ key, identity->text.n - (size_t)(key - text) };
	if (nr_enrol_answer_parse((struct nr_str){ text, (size_t)(key - text) }, &answer) < 0 ||
	    answer.ingest.n >= sizeof(identity->ingest))
		return -EINVAL;
	memcpy(identity->ingest, answer.ingest.p, answer.ingest.n);
	identity->ingest[answer.ingest.n] = '\0';
	identity->sensor = answer.sensor;
	identity->certificate = answer.certificate;
	identity->authority = answer.authority;
	return nr_pki_read(identity->certificate, &identity->facts, NULL);
}

int nr_identity_load(const char *path, struct nr_identity *ret_identity, struct nr_err *reterr)
{
	struct nr_bytes bytes;

	memset(ret_identity, 0, sizeof(*ret_identity));
	nr_buf_init(&ret_identity->text, TEXT_MAX);
	int r = nr_io_slurp(path, TEXT_MAX, &bytes, reterr);

	if (r < 0)
		return r;
	nr_buf_add(&ret_identity->text, bytes.p, bytes.n);
	nr_secret_wipe((void *)(uintptr_t)bytes.p, bytes.n);
	free((void *)(uintptr_t)bytes.p);
	if (ret_identity->text.err < 0)
		return nr_fail(reterr, -ENOMEM, "no memory");
	return parse(ret_identity) < 0 ? wrong(reterr, path) : 0;
}

int nr_identity_save(const char *path, struct nr_str answer, struct nr_str key,
		     struct nr_err *reterr)
{
	struct nr_identity check = { 0 };
	char *temp = NULL;

	nr_buf_init(&check.text, TEXT_MAX);
	nr_buf_add_str(&check.text, answer);
	nr_buf_add_str(&check.text, key);
	int r = check.text.err < 0 ? check.text.err : parse(&check);

	if (r < 0) {
		nr_identity_done(&check);
		return nr_fail(reterr, -EINVAL, "what the hub answered is not an identity");
	}
	mode_t mask = umask(0077);
	int fd = nr_io_temp_open(path, &temp);

	umask(mask);
	r = fd;
	if (fd >= 0)
		r = nr_io_write_all(fd, check.text.p, check.text.n);
	if (fd >= 0 && r < 0)
		nr_io_temp_drop(fd, temp);
	else if (fd >= 0)
		r = nr_io_temp_commit(fd, temp, path);
	free(temp);
	nr_identity_done(&check);
	return r < 0 ? nr_fail(reterr, r, "%s: %s", path, nr_err_text(r)) : 0;
}

int nr_identity_renew(const char *path, const struct nr_identity *old, struct nr_str pem,
		      struct nr_str key, struct nr_err *reterr)
{
	struct nr_enrol_answer answer = { .ingest = nr_str_from(old->ingest),
					  .sensor = old->sensor };
	struct nr_pki_facts facts;
	struct nr_buf text;
	int r = nr_enrol_split(pem, &answer.certificate, &answer.authority);

	if (r == 0)
		r = nr_pki_read(answer.certificate, &facts, NULL);
	if (r < 0 || strcmp(facts.identity, old->facts.identity) != 0)
		return nr_fail(reterr, -EINVAL, "the new certificate is not ours");
	nr_buf_init(&text, TEXT_MAX);
	nr_enrol_answer_print(&answer, &text);
	r = text.err < 0 ? text.err : nr_identity_save(path, nr_buf_str(&text), key, reterr);
	nr_buf_done(&text);
	return r;
}

void nr_identity_done(struct nr_identity *identity)
{
	if (identity->text.p != NULL)
		nr_secret_wipe(identity->text.p, identity->text.n);
	nr_buf_done(&identity->text);
}
