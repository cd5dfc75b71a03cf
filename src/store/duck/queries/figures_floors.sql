-- SPDX-License-Identifier: Apache-2.0
-- figures_floors: packets that a key may have of which the heads know nothing; not for people
-- figures key: packets
	SELECT 0 AS key, sensor, max(floor) AS packets
	FROM (
{heads}
	)
	WHERE floor > 0 AND {mine}
	GROUP BY start, sensor
