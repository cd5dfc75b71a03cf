-- SPDX-License-Identifier: Apache-2.0
-- part_sums: sums of one kind by the hour or longer; whole days in [$days_since, $days_until) from the days;
-- what is not rolled up yet from recent
	SELECT start, sensor, key, packets, bytes, flows, sources FROM rollup.day
	WHERE kind = $kind AND start >= $days_since AND start < $days_until
	UNION ALL
	SELECT start, sensor, key, packets, bytes, flows, sources FROM rollup.hour
	WHERE kind = $kind AND start >= $since AND start < $until AND (start < $days_since OR start >= $days_until)
	UNION ALL
	SELECT start, sensor, key, packets, bytes, flows, sources FROM rollup.recent
	WHERE kind = $kind AND start >= $since AND start < $until
