-- SPDX-License-Identifier: Apache-2.0
-- figures_minutes: one key, in steps of minutes; not for people
-- figures time: packets, bytes, flows, sources
-- then ORDER BY time LIMIT $n
	SELECT start - start % $step::UINTEGER AS time, sensor, packets, bytes, flows, sources FROM rollup.minute
	WHERE kind = $kind::UTINYINT AND key = $key::UBIGINT AND start >= $since::UINTEGER AND start < $until::UINTEGER AND {mine}
	UNION ALL
	SELECT start - start % $step::UINTEGER AS time, sensor, packets, bytes, flows, sources FROM rollup.recent
	WHERE kind = $kind::UTINYINT AND key = $key::UBIGINT AND start >= $since::UINTEGER AND start < $until::UINTEGER AND {mine}
