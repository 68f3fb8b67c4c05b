DROP TABLE notify_outbox;
DROP TABLE notify_inbox;
