-- Instants are microseconds since 1970.

CREATE TABLE notify_inbox (
	recipient TEXT NOT NULL, -- kind and id
	id        TEXT NOT NULL,
	type      TEXT NOT NULL,
	unread    INTEGER NOT NULL,
	at        INTEGER NOT NULL,
	read_at   INTEGER,
	facts     TEXT NOT NULL, -- JSON
	PRIMARY KEY (recipient, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX notify_inbox_list ON notify_inbox (recipient, at, id);
CREATE INDEX notify_inbox_unread ON notify_inbox (recipient, unread, at, id);
CREATE INDEX notify_inbox_at ON notify_inbox (at);

CREATE TABLE notify_outbox (
	channel    TEXT NOT NULL,
	id         TEXT NOT NULL, -- of the notification
	state      TEXT NOT NULL,
	attempt    INTEGER NOT NULL,
	reason     TEXT NOT NULL,
	next_at    INTEGER,
	created_at INTEGER NOT NULL,
	settled_at INTEGER,
	facts      TEXT NOT NULL,
	PRIMARY KEY (channel, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX notify_outbox_due ON notify_outbox (channel, next_at, id) WHERE state = 'pending';
CREATE INDEX notify_outbox_log ON notify_outbox (created_at, channel, id);
CREATE INDEX notify_outbox_state ON notify_outbox (state, created_at, channel, id);
CREATE INDEX notify_outbox_settled ON notify_outbox (created_at) WHERE state <> 'pending';
