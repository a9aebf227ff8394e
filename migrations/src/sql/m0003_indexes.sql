-- Indexes for ledgers that have grown.

-- Also holds the location, so that what waits and is queued can be summed from the index alone.
DROP INDEX files_live
;;
CREATE INDEX files_live ON files (state, location) WHERE location IN ('incoming', 'processing')
;;
-- Replaced data files that are still remembered: every full scan asks for them.
CREATE INDEX data_files_removed ON data_files (state) WHERE state = 'removed'
;;
CREATE INDEX job_runs_running ON job_runs (state) WHERE state = 'running'
;;
CREATE INDEX job_runs_succeeded ON job_runs (job_name, through_seq, id) WHERE state = 'succeeded'
