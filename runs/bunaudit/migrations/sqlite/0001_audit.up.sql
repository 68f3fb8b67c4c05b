CREATE TABLE audit_heads (
	tenant TEXT NOT NULL PRIMARY KEY,
	last   TEXT NOT NULL, -- the checkpoint of the last entry
	base   TEXT NOT NULL  -- that of the last entry that was deleted, or empty
) STRICT;

CREATE TABLE audit_entries (
	tenant TEXT NOT NULL,
	seq    INTEGER NOT NULL,
	body   TEXT NOT NULL, -- the entry, as it was sealed
	seal   BLOB NOT NULL,
	-- What entries are found by; it repeats what body says.
	actor  TEXT NOT NULL,
	object TEXT NOT NULL,
	event  TEXT NOT NULL,
	action TEXT NOT NULL,
	PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_entries_object ON audit_entries (tenant, object, seq) WHERE object <> '';
CREATE INDEX audit_entries_actor ON audit_entries (tenant, actor, seq);
