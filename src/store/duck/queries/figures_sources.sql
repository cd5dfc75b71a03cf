-- SPDX-License-Identifier: Apache-2.0
-- figures_sources: addresses that sent most; counts are lower bounds; not for people
-- figures src, src6: packets, bytes, flows
-- then ORDER BY packets DESC, src, src6 LIMIT $n
-- show address(src, src6) AS source
	SELECT src, src6, sensor, packets, bytes, flows FROM rollup.top_source
	WHERE start >= $since::UINTEGER AND start < $until::UINTEGER AND {mine}
