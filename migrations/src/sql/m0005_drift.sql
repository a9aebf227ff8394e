-- Drift: fields that appear, vanish or change their type. One row for each field and kind of change; it stays when the
-- schema has followed or the field is as before.
CREATE TABLE schema_drift (
    id             {id},
    file_type      TEXT NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('appeared', 'vanished', 'changed')),
    field          TEXT NOT NULL,
    declared_type  TEXT,
    found_type     TEXT,
    found          TEXT,
    records        BIGINT NOT NULL DEFAULT 0,
    records_read   BIGINT NOT NULL DEFAULT 0,
    files          BIGINT NOT NULL DEFAULT 0,
    first_file_id  BIGINT NOT NULL,
    first_file     TEXT NOT NULL,
    last_file      TEXT NOT NULL,
    examples       TEXT NOT NULL DEFAULT '[]',
    schema_version BIGINT NOT NULL,
    status         TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'accepted', 'ended', 'dismissed')),
    first_seen_at  {time} NOT NULL DEFAULT {now},
    last_seen_at   {time} NOT NULL DEFAULT {now}
)
;;
CREATE UNIQUE INDEX schema_drift_by_field ON schema_drift (file_type, kind, field)
;;
-- How many records of a type had a value in each of its columns: what tells that a field has vanished.
CREATE TABLE field_counts (
    file_type TEXT NOT NULL,
    field     TEXT NOT NULL,
    records   BIGINT NOT NULL,
    present   BIGINT NOT NULL,
    PRIMARY KEY (file_type, field)
)
;;
