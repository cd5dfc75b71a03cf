-- SPDX-License-Identifier: Apache-2.0
-- part_heads: as part_sums, but only the largest keys of each hour or day, and what is not rolled up yet
	SELECT start, sensor, key, packets, bytes, flows, sources, floor FROM rollup.day_head
	WHERE kind = $kind::UTINYINT AND start >= $days_since::UINTEGER AND start < $days_until::UINTEGER
	UNION ALL
	SELECT start, sensor, key, packets, bytes, flows, sources, floor FROM rollup.hour_head
	WHERE kind = $kind::UTINYINT AND start >= $since::UINTEGER AND start < $until::UINTEGER
		AND (start < $days_since::UINTEGER OR start >= $days_until::UINTEGER)
	UNION ALL
	SELECT start, sensor, key, packets, bytes, flows, sources, 0::UBIGINT AS floor FROM rollup.recent
	WHERE kind = $kind::UTINYINT AND start >= $since::UINTEGER AND start < $until::UINTEGER
