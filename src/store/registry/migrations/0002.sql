-- SPDX-License-Identifier: Apache-2.0
-- Who may ask: members, communities, users, sessions, tokens of roles. What they may know: labels. What they say: triage,
-- suppressions, questions to others. 0002.down.sql goes back.

-- One member runs the hub; `hub init`, or the first start of an older hub, makes it.
CREATE TABLE member_new (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 63),
	title TEXT NOT NULL DEFAULT '',           -- as people write it, in their own script
	economy TEXT CHECK (economy GLOB '[A-Z][A-Z]'),
	sector TEXT,
	layer TEXT NOT NULL DEFAULT 'technical'
		CHECK (layer IN ('technical', 'law-enforcement', 'policy', 'diplomatic', 'research')),
	is_operator INTEGER NOT NULL DEFAULT 0 CHECK (is_operator IN (0, 1)),
	epoch INTEGER NOT NULL DEFAULT 1,         -- grows when the membership ends, and when it begins anew
	created_ns INTEGER NOT NULL,
	suspended_ns INTEGER                      -- NULL: in force
) STRICT;
-- Who went back to version 1 and came again has the operator's member already: 0002.down.sql wrote down which it is.
INSERT INTO member_new (uuid, name, economy, sector, layer, is_operator, created_ns)
	SELECT uuid, name, economy, sector, coalesce(layer, 'technical'),
		hex(uuid) IS (SELECT value FROM meta WHERE name = 'operator'), created_ns FROM member;
DELETE FROM meta WHERE name = 'operator';

CREATE TABLE member_prefix_new (
	member BLOB NOT NULL REFERENCES member (uuid) ON DELETE CASCADE,
	prefix TEXT NOT NULL,                     -- as it is printed: "192.0.2.0/24"
	since_ns INTEGER NOT NULL,                -- held from then on
	PRIMARY KEY (member, prefix)
) STRICT, WITHOUT ROWID;
INSERT INTO member_prefix_new SELECT p.member, p.prefix, m.created_ns FROM member_prefix p JOIN member m ON m.uuid = p.member;

CREATE TABLE sensor_new (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 63),
	member BLOB REFERENCES member (uuid),     -- NULL: the operator's
	label BLOB REFERENCES label (uuid),       -- of what it observes; NULL: its owner's alone
	state TEXT NOT NULL CHECK (state IN ('expected', 'enrolled', 'imported', 'revoked')),
	created_ns INTEGER NOT NULL,
	enrolled_ns INTEGER,
	serial TEXT,
	valid_until_ns INTEGER,
	revoked_ns INTEGER,
	CHECK ((state = 'revoked') = (revoked_ns IS NOT NULL))
) STRICT;
INSERT INTO sensor_new (uuid, name, member, state, created_ns, enrolled_ns, serial, valid_until_ns, revoked_ns)
	SELECT uuid, name, member, state, created_ns, enrolled_ns, serial, valid_until_ns, revoked_ns FROM sensor;

CREATE TABLE token_new (
	selector BLOB PRIMARY KEY CHECK (length(selector) = 8),
	digest BLOB NOT NULL CHECK (length(digest) = 32),
	-- api: for programs; enrol: a sensor's, once; setup: a user's first password, once; session: of a browser
	kind TEXT NOT NULL CHECK (kind IN ('api', 'enrol', 'setup', 'session')),
	role TEXT CHECK (role IN ('viewer', 'analyst', 'coordinator', 'admin')), -- at most; less when its user has less
	member BLOB REFERENCES member (uuid),     -- api: whose; NULL: the operator's
	user BLOB REFERENCES user (uuid),         -- who made it, or whose session it is
	member_epoch INTEGER NOT NULL DEFAULT 0,  -- 0: of a hub before there were members
	can_write INTEGER NOT NULL DEFAULT 1 CHECK (can_write IN (0, 1)),
	can_rows INTEGER NOT NULL DEFAULT 1 CHECK (can_rows IN (0, 1)),
	network TEXT,                             -- may come from this prefix only; NULL: from anywhere
	sensor BLOB REFERENCES sensor (uuid),
	name TEXT NOT NULL,
	created_ns INTEGER NOT NULL,
	expires_ns INTEGER NOT NULL,
	last_used_ns INTEGER,
	spent_ns INTEGER,
	revoked_ns INTEGER,
	exposed INTEGER NOT NULL DEFAULT 0 CHECK (exposed IN (0, 1)),
	CHECK ((kind = 'enrol') = (sensor IS NOT NULL)),
	CHECK (kind != 'api' OR role IS NOT NULL),
	CHECK (kind NOT IN ('setup', 'session') OR user IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO token_new (selector, digest, kind, role, sensor, name, created_ns, expires_ns, last_used_ns, spent_ns, revoked_ns, exposed)
	SELECT selector, digest, kind, role, sensor, name, created_ns, expires_ns, last_used_ns, spent_ns, revoked_ns, exposed FROM token;

-- Nothing has used these yet.
DROP TABLE triage;
DROP TABLE label;
DROP TABLE token;
DROP TABLE member_prefix;
DROP TABLE sensor;
DROP TABLE member;
ALTER TABLE member_new RENAME TO member;
ALTER TABLE member_prefix_new RENAME TO member_prefix;
ALTER TABLE sensor_new RENAME TO sensor;
ALTER TABLE token_new RENAME TO token;
CREATE UNIQUE INDEX member_operator ON member (is_operator) WHERE is_operator = 1;
-- Nobody is warned of what another holds. A part of a prefix may be another's: addresses are handed on so.
CREATE UNIQUE INDEX member_prefix_once ON member_prefix (prefix);
CREATE INDEX sensor_member ON sensor (member);
CREATE INDEX token_user ON token (user) WHERE user IS NOT NULL;

CREATE TABLE member_asn (
	member BLOB NOT NULL REFERENCES member (uuid) ON DELETE CASCADE,
	asn INTEGER NOT NULL CHECK (asn BETWEEN 1 AND 4294967295),
	since_ns INTEGER NOT NULL,
	PRIMARY KEY (member, asn)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX member_asn_once ON member_asn (asn);

CREATE TABLE member_contact (
	member BLOB NOT NULL REFERENCES member (uuid) ON DELETE CASCADE,
	role TEXT NOT NULL,                       -- "duty", "abuse", "press" ...
	address TEXT NOT NULL,                    -- mail, telephone or a page
	PRIMARY KEY (member, role, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE community (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 63),
	title TEXT NOT NULL DEFAULT '',
	created_ns INTEGER NOT NULL
) STRICT;

-- Who left keeps a row with ended_ns; who comes back gets the next epoch.
CREATE TABLE community_member (
	community BLOB NOT NULL REFERENCES community (uuid) ON DELETE CASCADE,
	member BLOB NOT NULL REFERENCES member (uuid) ON DELETE CASCADE,
	epoch INTEGER NOT NULL,
	since_ns INTEGER NOT NULL,
	ended_ns INTEGER,
	PRIMARY KEY (community, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX community_member_member ON community_member (member);

CREATE TABLE user (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	member BLOB NOT NULL REFERENCES member (uuid),
	login TEXT NOT NULL UNIQUE CHECK (length(login) BETWEEN 1 AND 63),
	title TEXT NOT NULL DEFAULT '',
	role TEXT NOT NULL CHECK (role IN ('viewer', 'analyst', 'coordinator', 'admin')),
	password TEXT,                            -- argon2id, PHC; NULL: not set up yet
	totp BLOB CHECK (totp IS NULL OR length(totp) = 20),
	totp_on INTEGER NOT NULL DEFAULT 0 CHECK (totp_on IN (0, 1)),
	totp_step INTEGER NOT NULL DEFAULT 0,     -- newest step that was used: none works twice
	language TEXT NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'ja')),
	created_ns INTEGER NOT NULL,
	last_login_ns INTEGER,
	disabled_ns INTEGER
) STRICT;
CREATE INDEX user_member ON user (member);

-- record/label.h as JSON; `owner` and `tlp` stand apart to be asked for.
CREATE TABLE label (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	owner BLOB NOT NULL REFERENCES member (uuid),
	tlp TEXT NOT NULL CHECK (tlp IN ('CLEAR', 'GREEN', 'AMBER', 'AMBER+STRICT', 'RED')),
	json TEXT NOT NULL,
	created_ns INTEGER NOT NULL
) STRICT;

-- Which sensors made a finding what it is, each revision: what a viewer's copy is derived from. JSON, orient/online.h
ALTER TABLE finding ADD COLUMN sightings TEXT NOT NULL DEFAULT '[]';
ALTER TABLE finding ADD COLUMN subject TEXT NOT NULL DEFAULT '';

-- What the people of a member say of a finding: never derived, never rebuilt, never another member's. A row a change; the
-- newest version holds, and undoing it is one more row that says what stood before.
CREATE TABLE triage (
	finding TEXT NOT NULL,
	member BLOB NOT NULL REFERENCES member (uuid),
	version INTEGER NOT NULL CHECK (version >= 1), -- for If-Match
	state TEXT NOT NULL CHECK (state IN ('open', 'acknowledged', 'false', 'closed')),
	assignee BLOB REFERENCES user (uuid),
	action TEXT NOT NULL,
	words TEXT NOT NULL DEFAULT '',
	back INTEGER NOT NULL,                    -- the version that undoing this one restores; 0: as it was at first; -1: none
	changed_ns INTEGER NOT NULL,
	changed_by TEXT NOT NULL,
	PRIMARY KEY (finding, member, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE comment (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	finding TEXT NOT NULL,
	member BLOB NOT NULL REFERENCES member (uuid),
	user BLOB REFERENCES user (uuid),
	actor TEXT NOT NULL,
	words TEXT NOT NULL,
	label BLOB REFERENCES label (uuid),       -- NULL: the member's alone
	made_ns INTEGER NOT NULL,
	removed_ns INTEGER,                       -- its member alone sees it then, and may bring it back
	removed_by TEXT
) STRICT;
CREATE INDEX comment_finding ON comment (finding, made_ns);

-- What a member does not want to see (suppress), or nobody may act against (allow): wins everywhere until it expires.
CREATE TABLE suppression (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	member BLOB NOT NULL REFERENCES member (uuid),
	kind TEXT NOT NULL CHECK (kind IN ('suppress', 'allow')),
	everyone INTEGER NOT NULL DEFAULT 0 CHECK (everyone IN (0, 1)), -- the operator's: holds for all members
	detector TEXT NOT NULL DEFAULT '',        -- "": any
	finding_kind TEXT NOT NULL DEFAULT '',
	subject TEXT NOT NULL DEFAULT '',         -- an address or a prefix; "": any
	asn INTEGER,
	words TEXT NOT NULL,                      -- why
	created_ns INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	expires_ns INTEGER NOT NULL,
	undone_ns INTEGER,
	undone_by TEXT,
	CHECK (everyone = 0 OR kind = 'allow'),
	CHECK (detector != '' OR finding_kind != '' OR subject != '' OR asn IS NOT NULL)
) STRICT;
CREATE INDEX suppression_member ON suppression (member, expires_ns);
CREATE INDEX suppression_everyone ON suppression (expires_ns) WHERE everyone = 1;

CREATE TABLE saved_filter (
	uuid BLOB PRIMARY KEY CHECK (length(uuid) = 16),
	member BLOB NOT NULL REFERENCES member (uuid),
	user BLOB REFERENCES user (uuid),         -- NULL: the whole member's
	name TEXT NOT NULL,
	view TEXT NOT NULL,                       -- which list or question: "findings", "top" ...
	query TEXT NOT NULL,                      -- as in its URL
	created_ns INTEGER NOT NULL,
	created_by TEXT NOT NULL
) STRICT;
CREATE INDEX saved_filter_member ON saved_filter (member, name);

-- "Do you see this too?"
CREATE TABLE ask (
	sequence INTEGER PRIMARY KEY AUTOINCREMENT,
	uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),
	member BLOB NOT NULL REFERENCES member (uuid),
	actor TEXT NOT NULL,
	subject TEXT NOT NULL,                    -- an address, a prefix, PORT/PROTO or ASn
	since_ns INTEGER NOT NULL,
	until_ns INTEGER NOT NULL,
	words TEXT NOT NULL,
	label BLOB NOT NULL REFERENCES label (uuid),
	made_ns INTEGER NOT NULL,
	expires_ns INTEGER NOT NULL,              -- from then on nobody answers any more
	closed_ns INTEGER,
	closed_by TEXT
) STRICT;
CREATE INDEX ask_member ON ask (member, made_ns);

CREATE TABLE answer (
	ask BLOB NOT NULL REFERENCES ask (uuid) ON DELETE CASCADE,
	member BLOB NOT NULL REFERENCES member (uuid),
	actor TEXT NOT NULL,
	seen TEXT NOT NULL CHECK (seen IN ('yes', 'no', 'declined')),
	first_ns INTEGER,                         -- whole hours, when the member chose to say
	last_ns INTEGER,
	level TEXT CHECK (level IN ('few', 'some', 'many')),
	words TEXT NOT NULL DEFAULT '',
	made_ns INTEGER NOT NULL,
	PRIMARY KEY (ask, member)
) STRICT, WITHOUT ROWID;

-- A request that was answered, so that its repetition gets the same answer. Status 0: begun, and not ended.
CREATE TABLE idempotency (
	actor TEXT NOT NULL,
	key TEXT NOT NULL,
	request BLOB NOT NULL CHECK (length(request) = 32), -- digest of method, path and body
	status INTEGER NOT NULL,
	body BLOB,                                -- NULL: not kept, it held a secret or was too long
	location TEXT NOT NULL DEFAULT '',
	made_ns INTEGER NOT NULL,
	PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_actor ON idempotency (actor, made_ns);

-- Who acted for a member has "@UUID" of it at the end of `actor`, so the chain holds it and version 1 can check it too.
CREATE INDEX audit_member ON audit (substr(actor, -37), sequence);
