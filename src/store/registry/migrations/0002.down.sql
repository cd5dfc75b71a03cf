-- SPDX-License-Identifier: Apache-2.0
-- Back to version 1. What it can hold stays: the hub's words, members with their prefixes, sensors, imports, findings, the
-- audit chain, enrolment tokens, the operator's own tokens, the operator's triage. The rest ends here: communities, contacts,
-- AS numbers, users, labels, comments, suppressions, filters, questions. Tokens that version 1 could only keep by making
-- them stronger end too: in it every token is an administrator's.

-- Coming forward again, this one is the operator.
INSERT INTO meta (name, value) SELECT 'operator', hex(uuid) FROM member WHERE is_operator = 1;

CREATE TABLE member_old (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	name TEXT NOT NULL UNIQUE,
	economy TEXT CHECK (economy GLOB '[A-Z][A-Z]'),
	sector TEXT,
	layer TEXT CHECK (layer IN ('technical', 'law-enforcement', 'policy', 'diplomatic', 'research')),
	created_ns INTEGER NOT NULL
) STRICT;
INSERT INTO member_old SELECT uuid, name, economy, sector, layer, created_ns FROM member;

CREATE TABLE member_prefix_old (
	member BLOB NOT NULL REFERENCES member (uuid) ON DELETE CASCADE,
	prefix TEXT NOT NULL,
	PRIMARY KEY (member, prefix)
) STRICT, WITHOUT ROWID;
INSERT INTO member_prefix_old SELECT member, prefix FROM member_prefix;

CREATE TABLE sensor_old (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 63),
	member BLOB REFERENCES member (uuid),
	-- expected: a token was given out; enrolled: it has a certificate; imported: only files come from it
	state TEXT NOT NULL CHECK (state IN ('expected', 'enrolled', 'imported', 'revoked')),
	created_ns INTEGER NOT NULL,
	enrolled_ns INTEGER,
	serial TEXT,          -- of the certificate in force, hex
	valid_until_ns INTEGER,
	revoked_ns INTEGER,
	CHECK ((state = 'revoked') = (revoked_ns IS NOT NULL))
) STRICT;
INSERT INTO sensor_old SELECT uuid, name, member, state, created_ns, enrolled_ns, serial, valid_until_ns, revoked_ns FROM sensor;

-- Secrets that were given out: of each only a digest of its second part.
CREATE TABLE token_old (
	selector BLOB PRIMARY KEY CHECK (length(selector) = 8),
	digest BLOB NOT NULL CHECK (length(digest) = 32),
	kind TEXT NOT NULL CHECK (kind IN ('api', 'enrol')),
	role TEXT CHECK (role IN ('admin')),
	sensor BLOB REFERENCES sensor (uuid),
	name TEXT NOT NULL,
	created_ns INTEGER NOT NULL,
	expires_ns INTEGER NOT NULL,
	last_used_ns INTEGER,
	spent_ns INTEGER,     -- enrolment tokens work once
	revoked_ns INTEGER,
	exposed INTEGER NOT NULL DEFAULT 0 CHECK (exposed IN (0, 1)),
	CHECK ((kind = 'api') = (role IS NOT NULL)),
	CHECK ((kind = 'enrol') = (sensor IS NOT NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO token_old
	SELECT selector, digest, kind, CASE kind WHEN 'api' THEN role END, sensor, name, created_ns, expires_ns, last_used_ns,
		spent_ns, revoked_ns, exposed
	FROM token WHERE kind = 'enrol' OR (kind = 'api' AND role = 'admin' AND user IS NULL AND network IS NULL
		AND can_write = 1 AND can_rows = 1
		AND (member IS NULL OR member = (SELECT uuid FROM member WHERE is_operator = 1)));

CREATE TABLE label_old (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	tlp TEXT NOT NULL CHECK (tlp IN ('CLEAR', 'GREEN', 'AMBER', 'AMBER+STRICT', 'RED')),
	owner BLOB REFERENCES member (uuid),
	purpose TEXT,
	expires_ns INTEGER,
	created_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE triage_old (
	finding TEXT PRIMARY KEY,
	state TEXT NOT NULL CHECK (state IN ('open', 'confirmed', 'false', 'closed')),
	owner TEXT,
	words TEXT,
	label BLOB REFERENCES label (uuid),
	changed_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO triage_old (finding, state, owner, changed_ns)
	SELECT t.finding, CASE t.state WHEN 'acknowledged' THEN 'confirmed' ELSE t.state END, u.login, t.changed_ns
	FROM triage t LEFT JOIN user u ON u.uuid = t.assignee
	WHERE t.member = (SELECT uuid FROM member WHERE is_operator = 1)
		AND t.version = (SELECT max(version) FROM triage n WHERE n.finding = t.finding AND n.member = t.member);

DROP TABLE idempotency;
DROP TABLE answer;
DROP TABLE ask;
DROP TABLE saved_filter;
DROP TABLE suppression;
DROP TABLE comment;
DROP TABLE triage;
DROP TABLE token;
DROP TABLE sensor;
DROP TABLE label;
DROP TABLE user;
DROP TABLE community_member;
DROP TABLE community;
DROP TABLE member_contact;
DROP TABLE member_asn;
DROP TABLE member_prefix;
DROP TABLE member;
ALTER TABLE member_old RENAME TO member;
ALTER TABLE member_prefix_old RENAME TO member_prefix;
ALTER TABLE sensor_old RENAME TO sensor;
ALTER TABLE token_old RENAME TO token;
ALTER TABLE label_old RENAME TO label;
ALTER TABLE triage_old RENAME TO triage;
ALTER TABLE finding DROP COLUMN sightings;
ALTER TABLE finding DROP COLUMN subject;
DROP INDEX audit_member;
