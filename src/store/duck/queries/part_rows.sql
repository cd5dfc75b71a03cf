-- SPDX-License-Identifier: Apache-2.0
-- part_rows: the observations that were asked about.
	WHERE tick >= $since::UINTEGER AND tick < $until::UINTEGER AND src BETWEEN $src_lo::UINTEGER AND $src_hi::UINTEGER
		AND ($src6_lo IS NULL OR src6 BETWEEN $src6_lo AND $src6_hi)
		AND ($asn IS NULL OR asn = $asn) AND ($economy IS NULL OR economy = $economy)
		AND ($class IS NULL OR class = $class)
		AND ($port IS NULL OR (proto = $port >> 16 AND dport = $port & 65535)) AND {mine}
