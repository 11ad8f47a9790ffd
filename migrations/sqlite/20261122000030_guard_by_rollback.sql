-- The same guard, which takes the whole transaction back and not only its statement: for the latter SQLite
-- keeps a copy of every page that an insert of many rows changes.
DROP TRIGGER events_next_only;
CREATE TRIGGER events_next_only BEFORE INSERT ON events
WHEN NEW.position IS NOT 1 + coalesce((SELECT position FROM events ORDER BY position DESC LIMIT 1), 0)
  OR NEW.version IS NOT 1 + coalesce(
      (SELECT version FROM events WHERE stream = NEW.stream ORDER BY version DESC LIMIT 1), 0)
BEGIN
    SELECT raise(ROLLBACK, 'events: not the next position and version');
END;
