/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/**
 * @file
 * password: what proves a person: Argon2id (RFC 9106) by libsodium, as PHC text.
 *
 * Cost     64 MiB and 3 passes each: about 0.2 s; the caller sees that not too many run at once
 * Text     "$argon2id$v=19$m=65536,t=3,p=1$SALT$HASH"; an older text with less still checks, and
 *          nr_password_outdated() says that it is to be made anew
 * Source   RFC 9106; OWASP's floor is 19 MiB and 2 passes
 */
#include "base/err.h"
#include "base/str.h"

enum { NR_PASSWORD_PHC = 128, NR_PASSWORD_MIN = 12, NR_PASSWORD_MAX = 256 };

/** @return 0; -ENOMEM */
NR_MUST_CHECK int nr_password_hash(struct nr_str password, char ret_phc[NR_PASSWORD_PHC]);
/** A text that is none fits no password. */
NR_MUST_CHECK bool nr_password_check(const char *phc, struct nr_str password);
/** Was it made with less than now? */
bool nr_password_outdated(const char *phc);
/** Costs what nr_password_check() costs, for whom nobody knows: time must not tell. */
void nr_password_waste(struct nr_str password);
