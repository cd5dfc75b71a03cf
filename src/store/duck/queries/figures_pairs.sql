-- SPDX-License-Identifier: Apache-2.0
-- figures_pairs: ports of an economy, or economies of a port; small ones are not kept; not for people
-- figures key: packets, bytes, flows, sources
-- then ORDER BY packets DESC, key LIMIT $n
	SELECT CASE WHEN $by_port THEN key & 16777215 ELSE key >> 24 END AS key, sensor, packets, bytes, flows, sources
	FROM (
{sums}
	)
	WHERE ($economy IS NULL OR key >> 24 = $economy) AND ($key IS NULL OR key & 16777215 = $key) AND {mine}
