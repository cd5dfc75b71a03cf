-- SPDX-License-Identifier: Apache-2.0
-- figures_sensors: all about some sensors, of the one who owns them; not for people
-- figures key: packets, bytes, flows, sources
-- then ORDER BY packets DESC, key LIMIT $n
	SELECT sensor::UBIGINT AS key, sensor, packets, bytes, flows, sources
	FROM (
{sums}
	)
	WHERE {mine}
