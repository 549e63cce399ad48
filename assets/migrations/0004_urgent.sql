-- The open incidents in the order in which a console reads them: what is most urgent comes first.
CREATE INDEX incidents_urgent ON incidents (priority, id)
    WHERE state IN ('new', 'acknowledged', 'on_hold');
