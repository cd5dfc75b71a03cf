-- SPDX-License-Identifier: Apache-2.0
-- figures_minutes: one key, in steps of minutes; not for people
-- figures time: packets, bytes, flows, sources
-- then ORDER BY time LIMIT $n
	SELECT start - start % $step AS time, sensor, packets, bytes, flows, sources FROM rollup.minute
	WHERE kind = $kind AND key = $key AND start >= $since AND start < $until AND {mine}
	UNION ALL
	SELECT start - start % $step AS time, sensor, packets, bytes, flows, sources FROM rollup.recent
	WHERE kind = $kind AND key = $key AND start >= $since AND start < $until AND {mine}
