-- Compaction: data files that hold the rows of several earlier ones.

-- The oldest and the newest commit whose rows a merged data file holds. Null: the rows came with the commit of
-- its own load.
ALTER TABLE data_files ADD COLUMN first_commit_seq BIGINT
;;
ALTER TABLE data_files ADD COLUMN last_commit_seq BIGINT
;;
-- Where the rows of a merged data file come from: `rows` rows from `at_row` on were the rows from `first_row` on of
-- data file `origin_id`, which load `load_id` wrote with commit `commit_seq`. An origin is never itself a merged
-- file: merging a merged file hands its origins on.
CREATE TABLE data_file_origins (
    id           {id},
    data_file_id BIGINT NOT NULL,
    origin_id    BIGINT NOT NULL,
    load_id      BIGINT NOT NULL,
    commit_seq   BIGINT NOT NULL,
    at_row       BIGINT NOT NULL,
    first_row    BIGINT NOT NULL,
    rows         BIGINT NOT NULL
)
;;
CREATE INDEX data_file_origins_by_file ON data_file_origins (data_file_id)
;;
CREATE INDEX data_file_origins_by_load ON data_file_origins (load_id)
