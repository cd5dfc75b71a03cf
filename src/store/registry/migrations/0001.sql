-- SPDX-License-Identifier: Apache-2.0
-- What a hub knows that is no observation. Times are ns since 1970 (UTC); UUIDs are 16 bytes.

CREATE TABLE meta (
	name TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	name TEXT NOT NULL UNIQUE,
	economy TEXT CHECK (economy GLOB '[A-Z][A-Z]'),
	sector TEXT,
	layer TEXT CHECK (layer IN ('technical', 'law-enforcement', 'policy', 'diplomatic', 'research')),
	created_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE member_prefix (
	member BLOB NOT NULL REFERENCES member (uuid) ON DELETE CASCADE,
	prefix TEXT NOT NULL,
	PRIMARY KEY (member, prefix)
) STRICT, WITHOUT ROWID;

CREATE TABLE sensor (
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

-- Secrets that were given out: of each only a digest of its second part.
CREATE TABLE token (
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

CREATE TABLE label (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	tlp TEXT NOT NULL CHECK (tlp IN ('CLEAR', 'GREEN', 'AMBER', 'AMBER+STRICT', 'RED')),
	owner BLOB REFERENCES member (uuid),
	purpose TEXT,
	expires_ns INTEGER,
	created_ns INTEGER NOT NULL
) STRICT;

-- Derived from the journal: revisions of findings as the engine said them. `sequence` is the hub's and only grows.
CREATE TABLE finding (
	sequence INTEGER PRIMARY KEY AUTOINCREMENT,
	id TEXT NOT NULL,
	revision INTEGER NOT NULL,
	at INTEGER NOT NULL,      -- place in the journal
	made_ns INTEGER NOT NULL, -- the hub's clock
	detector TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('new', 'continuing', 'ended', 'withdrawn')),
	newest INTEGER NOT NULL CHECK (newest IN (0, 1)),
	json TEXT NOT NULL,
	UNIQUE (id, revision)
) STRICT;
CREATE INDEX finding_newest ON finding (sequence) WHERE newest = 1;

-- What people said of a finding: never derived, never rebuilt.
CREATE TABLE triage (
	finding TEXT PRIMARY KEY,
	state TEXT NOT NULL CHECK (state IN ('open', 'confirmed', 'false', 'closed')),
	owner TEXT,
	words TEXT,
	label BLOB REFERENCES label (uuid),
	changed_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Up to which place of the journal a reader has worked, in the transaction of what it made of it.
CREATE TABLE place (
	reader TEXT PRIMARY KEY,
	at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Files that were brought in: their content decides, so that the same file twice changes nothing.
CREATE TABLE import (
	sensor BLOB NOT NULL REFERENCES sensor (uuid),
	digest BLOB NOT NULL CHECK (length(digest) = 32),
	name TEXT NOT NULL,
	begun_ns INTEGER NOT NULL,
	begun_at INTEGER NOT NULL, -- nothing of it stands in the journal before this place
	done_ns INTEGER,
	batches INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (sensor, digest)
) STRICT, WITHOUT ROWID;

-- Who changed what. Each row's chain is digest(chain before || fields); rows are never changed.
CREATE TABLE audit (
	sequence INTEGER PRIMARY KEY,
	at_ns INTEGER NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	object TEXT NOT NULL,
	detail TEXT NOT NULL,
	chain BLOB NOT NULL CHECK (length(chain) = 32)
) STRICT;
CREATE TRIGGER audit_stands BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit chain is never changed'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit chain is never shortened'); END;
