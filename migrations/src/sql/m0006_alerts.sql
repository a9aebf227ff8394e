-- Alerts that reach people: how an alert ends, what each channel was told, and files that are expected.

-- How an alert ends: `condition`, when whoever raised it says so; `files` and `records`, when nothing more was counted
-- for a while and later files of the type are in order, with a severity from their failure rate; `event`, when nothing
-- more was counted for a long while.
ALTER TABLE alerts ADD COLUMN rule TEXT NOT NULL DEFAULT 'condition'
    CHECK (rule IN ('condition', 'files', 'records', 'event'))
;;
-- When the severity was last raised because nobody had looked at it.
ALTER TABLE alerts ADD COLUMN escalated_at {time}
;;
-- When an alert that is over had nothing more to be told to anyone.
ALTER TABLE alerts ADD COLUMN settled_at {time}
;;
UPDATE alerts SET settled_at = {now} WHERE status = 'resolved'
;;
UPDATE alerts SET rule = 'records' WHERE code = 'records.rejected'
;;
UPDATE alerts SET rule = 'event' WHERE code IN ('run.failures', 'file.not_regular')
;;
UPDATE alerts SET rule = 'files' WHERE cause LIKE 'files of type % fail with %'
;;
CREATE INDEX alerts_unsettled ON alerts (id) WHERE settled_at IS NULL
;;
-- What a channel was told about an alert, and what it has yet to hear. One row for each pair, made by the first claim.
CREATE TABLE alert_deliveries (
    id               {id},
    alert_id         BIGINT NOT NULL,
    channel          TEXT NOT NULL,
    told             TEXT CHECK (told IN ('opened', 'escalated', 'repeated', 'resolved', 'passed')),
    told_severity    TEXT CHECK (told_severity IN ('info', 'warning', 'error', 'critical')),
    told_occurrences BIGINT NOT NULL DEFAULT 0,
    told_at          {time},
    messages         BIGINT NOT NULL DEFAULT 0,
    attempts         BIGINT NOT NULL DEFAULT 0,
    next_attempt_at  {time},
    last_error       TEXT,
    claimed_by       TEXT,
    version          BIGINT NOT NULL DEFAULT 0
)
;;
CREATE UNIQUE INDEX alert_deliveries_pair ON alert_deliveries (alert_id, channel)
;;
-- One row for each channel: how its last tries ended, and how many messages it was sent in the present window.
CREATE TABLE alert_channels (
    id                {id},
    channel           TEXT NOT NULL UNIQUE,
    failures          BIGINT NOT NULL DEFAULT 0,
    next_attempt_at   {time},
    last_error        TEXT,
    last_sent_at      {time},
    window_started_at {time},
    window_sent       BIGINT NOT NULL DEFAULT 0
)
;;
-- Since when files of a type are expected on a schedule (a type that is paused, or gets another schedule, begins anew),
-- and up to which time of the schedule it was told that none came.
CREATE TABLE file_expectations (
    id             {id},
    file_type      TEXT NOT NULL UNIQUE,
    schedule       TEXT NOT NULL,
    expected_since {time} NOT NULL,
    missed_through {time}
)
;;
-- Which files of a type came when.
CREATE INDEX files_by_arrival ON files (file_type, seen_at)
