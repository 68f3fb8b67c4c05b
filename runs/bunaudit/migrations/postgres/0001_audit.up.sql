CREATE TABLE audit_heads (
	tenant text COLLATE "C" NOT NULL PRIMARY KEY,
	last   text NOT NULL, -- the checkpoint of the last entry
	base   text NOT NULL  -- that of the last entry that was deleted, or empty
);

CREATE TABLE audit_entries (
	tenant text COLLATE "C" NOT NULL,
	seq    bigint NOT NULL,
	body   text NOT NULL, -- the entry, as it was sealed
	seal   bytea NOT NULL,
	-- What entries are found by; it repeats what body says.
	actor  text COLLATE "C" NOT NULL,
	object text COLLATE "C" NOT NULL,
	event  text COLLATE "C" NOT NULL,
	action text COLLATE "C" NOT NULL,
	PRIMARY KEY (tenant, seq)
);

CREATE INDEX audit_entries_object ON audit_entries (tenant, object, seq) WHERE object <> '';
CREATE INDEX audit_entries_actor ON audit_entries (tenant, actor, seq);
