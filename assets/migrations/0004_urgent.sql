-- The open incidents in the order in which a console reads them: what is most urgent comes first. Only they
-- have an `open_key`; by `state`, SQLite would take another index and sort.
CREATE INDEX incidents_urgent ON incidents (priority, id) WHERE open_key IS NOT NULL;
