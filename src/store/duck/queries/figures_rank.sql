-- SPDX-License-Identifier: Apache-2.0
-- figures_rank: the keys of a kind that received most; not for people
-- figures key: packets
-- then ORDER BY packets DESC, key LIMIT $n
	SELECT key, sensor, packets
	FROM (
{sums}
	)
	WHERE {mine}
