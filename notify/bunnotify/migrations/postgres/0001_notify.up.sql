CREATE TABLE notify_inbox (
	recipient text COLLATE "C" NOT NULL, -- kind and id
	id        text COLLATE "C" NOT NULL,
	type      text COLLATE "C" NOT NULL,
	unread    boolean NOT NULL,
	at        timestamptz NOT NULL,
	read_at   timestamptz,
	facts     text NOT NULL, -- JSON
	PRIMARY KEY (recipient, id)
);

CREATE INDEX notify_inbox_list ON notify_inbox (recipient, at, id);
CREATE INDEX notify_inbox_unread ON notify_inbox (recipient, unread, at, id);
CREATE INDEX notify_inbox_at ON notify_inbox (at);

CREATE TABLE notify_outbox (
	channel    text COLLATE "C" NOT NULL,
	id         text COLLATE "C" NOT NULL, -- of the notification
	state      text COLLATE "C" NOT NULL,
	attempt    bigint NOT NULL,
	reason     text NOT NULL,
	next_at    timestamptz,
	created_at timestamptz NOT NULL,
	settled_at timestamptz,
	facts      text NOT NULL,
	PRIMARY KEY (channel, id)
);

CREATE INDEX notify_outbox_due ON notify_outbox (channel, next_at, id) WHERE state = 'pending';
CREATE INDEX notify_outbox_log ON notify_outbox (created_at, channel, id);
CREATE INDEX notify_outbox_state ON notify_outbox (state, created_at, channel, id);
CREATE INDEX notify_outbox_settled ON notify_outbox (created_at) WHERE state <> 'pending';
