-- The public list is read by time; events of one moment are sorted as they are read. With the hashes in it, this index was as large as the events'
-- keys together, and every close wrote into it at random. All events of a transaction have one time, which is kept once.

DROP INDEX audit_events_newest;
CREATE INDEX audit_events_newest ON audit_events (created_at);
