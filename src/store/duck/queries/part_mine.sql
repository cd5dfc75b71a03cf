-- SPDX-License-Identifier: Apache-2.0
-- part_mine: only the sensors that were asked about; not for people
sensor IN (SELECT unnest($sensors::UINTEGER[]))
