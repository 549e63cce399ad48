-- What the log makes beside incidents, as it is now: overrides of the roster (`kind` = 'override').
-- A row without a document is something that is gone; its id is not given again.
CREATE TABLE records (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    doc TEXT,
    PRIMARY KEY (kind, id)
);
