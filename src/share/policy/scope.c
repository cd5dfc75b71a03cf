/* SPDX-License-Identifier: Apache-2.0 */
#include "share/policy/scope.h"

static bool uuid_among(struct nr_uuid uuid, const struct nr_uuid *uuids, size_t n)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = memcmp(&uuids[mid], &uuid, sizeof(uuid));

		if (order == 0)
			return !nr_uuid_eq(uuid, (struct nr_uuid){ 0 });
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

bool nr_scope_owns(const struct nr_scope *scope, struct nr_uuid sensor)
{
	return uuid_among(sensor, scope->own, scope->n_own);
}

bool nr_scope_shares(const struct nr_scope *scope, struct nr_uuid sensor)
{
	return uuid_among(sensor, scope->shared, scope->n_shared);
}

bool nr_scope_holds(const struct nr_scope *scope, struct nr_ip ip, uint32_t asn,
		    struct nr_time when)
{
	if (nr_ip_kind(ip) == NR_IP_UNSPECIFIED) /* "::" and 0.0.0.0 are how absence looks */
		return false;
	for (size_t i = 0; i < scope->n_prefixes; i++)
		if (when.ns >= scope->prefixes[i].since.ns &&
		    nr_prefix_has(scope->prefixes[i].prefix, ip))
			return true;
	for (size_t i = 0; i < scope->n_asns; i++)
		if (asn != 0 && scope->asns[i].asn == asn && when.ns >= scope->asns[i].since.ns)
			return true;
	return false;
}
