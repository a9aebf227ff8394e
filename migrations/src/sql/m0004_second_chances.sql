-- Second chances: rejected records that load after all, and files whose rows leave their table again.

-- The load that brings a rejected record into its table: set when that load is staged, so that no other one takes the
-- same record, and for good by its commit. Only a commit makes a record `replayed`.
UPDATE rejects SET status = 'discarded' WHERE status = 'replayed'
;;
ALTER TABLE rejects ADD COLUMN replay_load_id BIGINT
    CHECK (status <> 'replayed' OR replay_load_id IS NOT NULL)
;;
CREATE INDEX rejects_by_replay ON rejects (replay_load_id) WHERE replay_load_id IS NOT NULL
;;
-- Causes are looked up among the open rejects only; those of a load that is not committed stay out of the index.
DROP INDEX rejects_by_cause
;;
CREATE INDEX rejects_by_cause ON rejects (file_type, fingerprint) WHERE status = 'open'
;;
-- The worklist, in the order of files and records.
CREATE INDEX rejects_worklist ON rejects (file_id, record_number, id) WHERE status = 'open'
;;
-- Records of a replay that another record with the same key replaced; its other records are its rows.
ALTER TABLE loads ADD COLUMN records_deduplicated BIGINT NOT NULL DEFAULT 0
;;
-- Of the rejected records of a file, those that were loaded later.
ALTER TABLE files ADD COLUMN records_replayed BIGINT NOT NULL DEFAULT 0
    CHECK (records_replayed BETWEEN 0 AND records_rejected)
;;
-- The load that takes the file's rows out of the table, from the moment that load is staged.
ALTER TABLE files ADD COLUMN removed_by_load BIGINT
;;
CREATE INDEX files_removed ON files (removed_by_load) WHERE removed_by_load IS NOT NULL
;;
-- Earlier deliveries of the same file.
CREATE INDEX files_by_time ON files (file_type, file_time) WHERE state = 'processed'
;;
-- Whether files of a type fail again and again.
CREATE INDEX files_failed ON files (file_type, finished_at) WHERE state = 'failed'
;;
