-- SPDX-License-Identifier: Apache-2.0
-- figures_sources: addresses that sent most; counts are lower bounds; not for people
-- figures source: packets, bytes, flows
-- then ORDER BY packets DESC, source LIMIT $n
	SELECT address(src, src6) AS source, sensor, packets, bytes, flows FROM rollup.top_source
	WHERE start >= $since AND start < $until AND {mine}
