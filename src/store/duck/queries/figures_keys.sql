-- SPDX-License-Identifier: Apache-2.0
-- figures_keys: all about some keys of a kind; not for people
-- figures key: packets, bytes, flows, sources
-- then ORDER BY packets DESC, key LIMIT $n
	SELECT key, sensor, packets, bytes, flows, sources
	FROM (
{sums}
	)
	WHERE key IN (SELECT unnest($keys::UBIGINT[])) AND {mine}
