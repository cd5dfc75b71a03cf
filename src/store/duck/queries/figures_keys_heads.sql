-- SPDX-License-Identifier: Apache-2.0
-- figures_keys_heads: all about some keys that are in the head of every hour; not for people
-- figures key: packets, bytes, flows, sources
-- then ORDER BY packets DESC, key LIMIT $n
	SELECT key, sensor, packets, bytes, flows, sources
	FROM (
{heads}
	)
	WHERE key IN (SELECT unnest($keys::UBIGINT[])) AND {mine}
