-- What service level objectives measured, rolled up to five minutes: a row for each of them and each day
-- of UTC (its number since 1970), its buckets packed as text. No part of the log: it is not verified, and
-- is asked for again where it is missing.
CREATE TABLE rollups (
    objective TEXT NOT NULL,
    day BIGINT NOT NULL,
    version BIGINT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (objective, day)
);
CREATE INDEX rollups_day ON rollups (day);
