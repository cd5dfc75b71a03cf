-- SPDX-License-Identifier: Apache-2.0
-- part_sums: sums of one kind by the hour or longer; whole days in [$days_since, $days_until) from the days;
-- what is not rolled up yet from recent
	SELECT start, sensor, key, packets, bytes, flows, sources FROM rollup.day
	WHERE kind = $kind::UTINYINT AND start >= $days_since::UINTEGER AND start < $days_until::UINTEGER
	UNION ALL
	SELECT start, sensor, key, packets, bytes, flows, sources FROM rollup.hour
	WHERE kind = $kind::UTINYINT AND start >= $since::UINTEGER AND start < $until::UINTEGER
		AND (start < $days_since::UINTEGER OR start >= $days_until::UINTEGER)
	UNION ALL
	SELECT start, sensor, key, packets, bytes, flows, sources FROM rollup.recent
	WHERE kind = $kind::UTINYINT AND start >= $since::UINTEGER AND start < $until::UINTEGER
