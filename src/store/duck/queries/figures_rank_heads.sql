-- SPDX-License-Identifier: Apache-2.0
-- figures_rank_heads: by the heads, the keys that may have most, and which part of floors they are sure of; not for people
-- figures key: packets, floor
-- then ORDER BY packets + ($floors::UBIGINT - floor) DESC, floor, key LIMIT $n
	SELECT key, sensor, packets, floor
	FROM (
{heads}
	)
	WHERE {mine}
