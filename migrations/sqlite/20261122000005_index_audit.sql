-- What people and programs did, and what they were refused: a small part of the log, found without the rest.
CREATE INDEX events_of_people ON events (tenant, position)
WHERE kind <> 'session' OR actor NOT IN ('agent', 'system');
