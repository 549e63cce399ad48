-- The log, its head, and the incidents as they are now. One text for SQLite and PostgreSQL:
-- instants are milliseconds since 1970, documents are JSON as text.
CREATE TABLE log (
    id BIGINT PRIMARY KEY,
    head BIGINT NOT NULL,
    at BIGINT NOT NULL,
    format BIGINT NOT NULL,
    writer TEXT NOT NULL
);
INSERT INTO log (id, head, at, format, writer) VALUES (1, 0, 0, 0, '');

CREATE TABLE events (
    position BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    incident BIGINT NOT NULL,
    writer TEXT NOT NULL,
    actor TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX events_incident ON events (incident, position);

-- `open_key` is the dedup key while the incident is open, and NULL afterwards: the unique index
-- allows one open incident per key.
CREATE TABLE incidents (
    id BIGINT PRIMARY KEY,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    priority BIGINT NOT NULL,
    service TEXT,
    open_key TEXT,
    opened_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE UNIQUE INDEX incidents_open_key ON incidents (open_key);
CREATE INDEX incidents_state ON incidents (state, updated_at);
