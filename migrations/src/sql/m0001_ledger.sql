-- The ledger of Lakegate, first version. One text for both databases: {id}, {time} and {now} are
-- filled in by `dialect.rs`. Statements end with a line that holds only `;;` so that trigger
-- bodies, which differ and live in `m0001_triggers.*.sql`, never need a parser.
-- Times are UTC. JSON is kept as text: a row with broken JSON must be storable, so that the daemon can say
-- what is wrong with it.

CREATE TABLE table_metadata (
    id                     {id},
    table_name             TEXT NOT NULL UNIQUE CHECK (length(table_name) BETWEEN 1 AND 200),
    file_type              TEXT NOT NULL UNIQUE CHECK (length(file_type) BETWEEN 1 AND 200),
    status                 TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'paused')),
    schema_definition      TEXT NOT NULL,
    processing_config      TEXT NOT NULL DEFAULT '{}',
    partition_column       TEXT NOT NULL DEFAULT 'date' CHECK (length(partition_column) BETWEEN 1 AND 200),
    file_pattern           TEXT,
    processing_folder_path TEXT,
    description            TEXT,
    schema_version         BIGINT NOT NULL DEFAULT 1,
    status_reason          TEXT,
    created_at             {time} NOT NULL DEFAULT {now},
    updated_at             {time} NOT NULL DEFAULT {now}
)
;;
CREATE TABLE schema_versions (
    id                {id},
    file_type         TEXT NOT NULL,
    table_name        TEXT NOT NULL,
    schema_version    BIGINT NOT NULL,
    schema_definition TEXT NOT NULL,
    author            TEXT NOT NULL DEFAULT 'operator' CHECK (author IN ('inferred', 'operator', 'evolved', 'shipped')),
    created_at        {time} NOT NULL DEFAULT {now}
)
;;
-- A version is never used again, even when its type was deleted and came back.
CREATE UNIQUE INDEX schema_versions_by_type ON schema_versions (file_type, schema_version)
;;
-- Counters handed out inside a transaction, so that their order is the order of the commits.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
)
;;
INSERT INTO counters (name, value) VALUES ('commit_seq', 0)
;;
CREATE TABLE loads (
    id             {id},
    kind           TEXT NOT NULL DEFAULT 'ingest' CHECK (kind IN ('ingest', 'job', 'compaction', 'replay', 'revert')),
    table_name     TEXT NOT NULL,
    file_type      TEXT,
    schema_version BIGINT,
    state          TEXT NOT NULL DEFAULT 'writing' CHECK (state IN ('writing', 'staged', 'committed', 'rolled_back')),
    owner          TEXT NOT NULL,
    files          BIGINT NOT NULL DEFAULT 0,
    rows_written   BIGINT NOT NULL DEFAULT 0,
    rows_carried   BIGINT NOT NULL DEFAULT 0,
    bytes_written  BIGINT NOT NULL DEFAULT 0,
    commit_seq     BIGINT UNIQUE,
    started_at     {time} NOT NULL DEFAULT {now},
    committed_at   {time},
    CHECK ((state = 'committed') = (commit_seq IS NOT NULL))
)
;;
CREATE INDEX loads_open ON loads (state) WHERE state IN ('writing', 'staged')
;;
CREATE INDEX loads_by_table ON loads (table_name, commit_seq)
;;
CREATE TABLE files (
    id                   {id},
    name                 TEXT NOT NULL,
    file_type            TEXT,
    state                TEXT NOT NULL CHECK (state IN ('waiting', 'queued', 'processing', 'processed', 'failed', 'duplicate')),
    location             TEXT NOT NULL DEFAULT 'incoming' CHECK (location IN ('incoming', 'processing', 'settled', 'gone')),
    path                 TEXT,
    target               TEXT,
    outcome              TEXT CHECK (outcome IN ('processed', 'failed', 'duplicate')),
    bytes                BIGINT NOT NULL DEFAULT 0,
    modified_at          {time},
    blake3               TEXT,
    file_time            {time},
    attempt              BIGINT NOT NULL DEFAULT 0,
    crashes              BIGINT NOT NULL DEFAULT 0,
    owner                TEXT,
    load_id              BIGINT,
    duplicate_of         BIGINT,
    records_read         BIGINT NOT NULL DEFAULT 0,
    records_written      BIGINT NOT NULL DEFAULT 0,
    records_rejected     BIGINT NOT NULL DEFAULT 0,
    records_deduplicated BIGINT NOT NULL DEFAULT 0,
    records_filtered     BIGINT NOT NULL DEFAULT 0,
    unknown_fields       BIGINT NOT NULL DEFAULT 0,
    error_code           TEXT,
    error_message        TEXT,
    error_hint           TEXT,
    seen_at              {time} NOT NULL DEFAULT {now},
    started_at           {time},
    finished_at          {time},
    updated_at           {time} NOT NULL DEFAULT {now},
    CHECK (state <> 'processed' OR records_read
        = records_written + records_rejected + records_deduplicated + records_filtered),
    CHECK (state NOT IN ('failed', 'duplicate') OR records_written = 0)
)
;;
-- One live row for each name that lies in incoming/.
CREATE UNIQUE INDEX files_incoming ON files (name) WHERE location = 'incoming'
;;
-- Nothing is loaded twice: one loaded file for each type and content, for ever.
CREATE UNIQUE INDEX files_identity ON files (file_type, blake3) WHERE state = 'processed'
;;
CREATE INDEX files_live ON files (state) WHERE location IN ('incoming', 'processing')
;;
CREATE INDEX files_by_load ON files (load_id)
;;
CREATE INDEX files_by_name ON files (name)
;;
-- Written by triggers: one row for every change of a file's state.
CREATE TABLE file_events (
    id         {id},
    file_id    BIGINT NOT NULL,
    from_state TEXT,
    to_state   TEXT NOT NULL,
    attempt    BIGINT NOT NULL,
    load_id    BIGINT,
    code       TEXT,
    message    TEXT,
    created_at {time} NOT NULL DEFAULT {now}
)
;;
CREATE INDEX file_events_by_file ON file_events (file_id)
;;
CREATE TABLE data_files (
    id               {id},
    load_id          BIGINT NOT NULL,
    table_name       TEXT NOT NULL,
    path             TEXT NOT NULL UNIQUE,
    partition_value  TEXT,
    rows             BIGINT NOT NULL,
    bytes            BIGINT NOT NULL,
    column_ranges    TEXT,
    state            TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'live', 'removed')),
    removed_by_load  BIGINT,
    created_at       {time} NOT NULL DEFAULT {now}
)
;;
CREATE INDEX data_files_live ON data_files (table_name) WHERE state = 'live'
;;
CREATE INDEX data_files_by_load ON data_files (load_id)
;;
CREATE INDEX data_files_to_delete ON data_files (removed_by_load) WHERE removed_by_load IS NOT NULL
;;
CREATE TABLE rejects (
    id            {id},
    file_id       BIGINT NOT NULL,
    load_id       BIGINT NOT NULL,
    file_type     TEXT NOT NULL,
    record_number BIGINT NOT NULL,
    byte_offset   BIGINT NOT NULL,
    raw           TEXT NOT NULL,
    raw_encoding  TEXT NOT NULL DEFAULT 'text' CHECK (raw_encoding IN ('text', 'base64', 'truncated')),
    pointer       TEXT NOT NULL,
    rule          TEXT NOT NULL,
    value         TEXT,
    message       TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    status        TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('pending', 'open', 'replayed', 'discarded')),
    fixed         TEXT,
    created_at    {time} NOT NULL DEFAULT {now},
    updated_at    {time} NOT NULL DEFAULT {now}
)
;;
CREATE INDEX rejects_by_file ON rejects (file_id)
;;
CREATE INDEX rejects_by_load ON rejects (load_id)
;;
CREATE INDEX rejects_by_cause ON rejects (status, file_type, fingerprint)
;;
CREATE TABLE jobs (
    id               {id},
    name             TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    target_table     TEXT NOT NULL UNIQUE CHECK (length(target_table) BETWEEN 1 AND 200),
    source_table     TEXT NOT NULL,
    time_column      TEXT NOT NULL,
    query            TEXT NOT NULL,
    schedule         TEXT NOT NULL DEFAULT '0 1 * * *',
    timezone         TEXT NOT NULL DEFAULT 'UTC',
    status           TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'paused')),
    status_reason    TEXT,
    description      TEXT,
    scheduled_since  {time} NOT NULL DEFAULT {now},
    created_at       {time} NOT NULL DEFAULT {now},
    updated_at       {time} NOT NULL DEFAULT {now}
)
;;
-- Occurrences are rows: one for each time that a job is due, and one for each run by hand.
CREATE TABLE job_runs (
    id             {id},
    job_name       TEXT NOT NULL,
    trigger_kind   TEXT NOT NULL CHECK (trigger_kind IN ('schedule', 'catch_up', 'manual', 'backfill')),
    scheduled_for  {time},
    state          TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'succeeded', 'failed', 'abandoned')),
    owner          TEXT,
    from_seq       BIGINT NOT NULL DEFAULT 0,
    through_seq    BIGINT NOT NULL DEFAULT 0,
    days           TEXT,
    days_count     BIGINT NOT NULL DEFAULT 0,
    rows_written   BIGINT NOT NULL DEFAULT 0,
    load_id        BIGINT,
    error_code     TEXT,
    error_message  TEXT,
    started_at     {time} NOT NULL DEFAULT {now},
    finished_at    {time}
)
;;
-- One run for each time that a job is due; an abandoned one leaves its time to the next try.
CREATE UNIQUE INDEX job_runs_occurrence ON job_runs (job_name, scheduled_for) WHERE state <> 'abandoned'
;;
CREATE INDEX job_runs_by_job ON job_runs (job_name, id)
;;
CREATE TABLE alerts (
    id              {id},
    code            TEXT NOT NULL,
    severity        TEXT NOT NULL DEFAULT 'error' CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    subject         TEXT NOT NULL,
    cause           TEXT NOT NULL,
    message         TEXT NOT NULL,
    hint            TEXT,
    fingerprint     TEXT NOT NULL,
    occurrences     BIGINT NOT NULL DEFAULT 1,
    status          TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'acknowledged', 'resolved')),
    first_seen_at   {time} NOT NULL DEFAULT {now},
    last_seen_at    {time} NOT NULL DEFAULT {now},
    resolved_at     {time}
)
;;
-- One row per cause while it lasts: the same cause again only counts.
CREATE UNIQUE INDEX alerts_live ON alerts (fingerprint) WHERE status <> 'resolved'
;;
