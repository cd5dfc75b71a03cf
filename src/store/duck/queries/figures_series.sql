-- SPDX-License-Identifier: Apache-2.0
-- figures_series: one key, in steps of hours or days; not for people
-- figures time: packets, bytes, flows, sources
-- then ORDER BY time LIMIT $n
	SELECT start - start % $step::UINTEGER AS time, sensor, packets, bytes, flows, sources
	FROM (
{sums}
	)
	WHERE key = $key::UBIGINT AND {mine}
