-- What the database keeps by itself, on SQLite. Nothing here needs more than SQLite 3.34, because a person
-- may write to the file with an older `sqlite3` than the one that Lakegate carries.
--
-- A trigger that updates its own row is not fired by its own update (recursive_triggers is off by default);
-- the WHEN clauses end the recursion where a client has switched it on.

-- updated_at ---------------------------------------------------------------------------------------------

CREATE TRIGGER table_metadata_updated AFTER UPDATE ON table_metadata
WHEN NEW.updated_at IS OLD.updated_at AND NEW.updated_at IS NOT {now}
BEGIN
    UPDATE table_metadata SET updated_at = {now} WHERE id = NEW.id;
END
;;
CREATE TRIGGER files_updated AFTER UPDATE ON files
WHEN NEW.updated_at IS OLD.updated_at AND NEW.updated_at IS NOT {now}
BEGIN
    UPDATE files SET updated_at = {now} WHERE id = NEW.id;
END
;;
CREATE TRIGGER rejects_updated AFTER UPDATE ON rejects
WHEN NEW.updated_at IS OLD.updated_at AND NEW.updated_at IS NOT {now}
BEGIN
    UPDATE rejects SET updated_at = {now} WHERE id = NEW.id;
END
;;
CREATE TRIGGER jobs_updated AFTER UPDATE ON jobs
WHEN NEW.updated_at IS OLD.updated_at AND NEW.updated_at IS NOT {now}
BEGIN
    UPDATE jobs SET updated_at = {now} WHERE id = NEW.id;
END
;;

-- schema_version: numbered by the history alone, whatever a statement says ---------------------------------

CREATE TRIGGER table_metadata_first_version AFTER INSERT ON table_metadata
BEGIN
    INSERT INTO schema_versions (file_type, table_name, schema_version, schema_definition)
    VALUES (
        NEW.file_type,
        NEW.table_name,
        (SELECT COALESCE(MAX(schema_version), 0) + 1 FROM schema_versions WHERE file_type = NEW.file_type),
        NEW.schema_definition
    );
    UPDATE table_metadata
    SET schema_version = (SELECT MAX(schema_version) FROM schema_versions WHERE file_type = NEW.file_type)
    WHERE id = NEW.id;
END
;;
CREATE TRIGGER table_metadata_next_version AFTER UPDATE OF schema_definition, file_type ON table_metadata
WHEN NEW.schema_definition IS NOT OLD.schema_definition OR NEW.file_type IS NOT OLD.file_type
BEGIN
    INSERT INTO schema_versions (file_type, table_name, schema_version, schema_definition)
    VALUES (
        NEW.file_type,
        NEW.table_name,
        (SELECT COALESCE(MAX(schema_version), 0) + 1 FROM schema_versions WHERE file_type = NEW.file_type),
        NEW.schema_definition
    );
    UPDATE table_metadata
    SET schema_version = (SELECT MAX(schema_version) FROM schema_versions WHERE file_type = NEW.file_type)
    WHERE id = NEW.id;
END
;;
CREATE TRIGGER table_metadata_version_kept AFTER UPDATE OF schema_version ON table_metadata
WHEN NEW.schema_version IS NOT (SELECT MAX(schema_version) FROM schema_versions WHERE file_type = NEW.file_type)
    AND EXISTS (SELECT 1 FROM schema_versions WHERE file_type = NEW.file_type)
BEGIN
    UPDATE table_metadata
    SET schema_version = (SELECT MAX(schema_version) FROM schema_versions WHERE file_type = NEW.file_type)
    WHERE id = NEW.id;
END
;;

-- file_events: one row for every change of state -------------------------------------------------------------

CREATE TRIGGER files_first_event AFTER INSERT ON files
BEGIN
    INSERT INTO file_events (file_id, from_state, to_state, attempt, load_id, code, message)
    VALUES (NEW.id, NULL, NEW.state, NEW.attempt, NEW.load_id, NEW.error_code, NEW.error_message);
END
;;
CREATE TRIGGER files_next_event AFTER UPDATE OF state ON files
WHEN NEW.state IS NOT OLD.state
BEGIN
    INSERT INTO file_events (file_id, from_state, to_state, attempt, load_id, code, message)
    VALUES (NEW.id, OLD.state, NEW.state, NEW.attempt, COALESCE(NEW.load_id, OLD.load_id),
            NEW.error_code, NEW.error_message);
END
;;

-- The change feed: PRAGMA data_version tells a reader that something was committed, this counter that it was
-- something a person configures.

INSERT INTO counters (name, value) VALUES ('metadata_changes', 0)
;;
CREATE TRIGGER table_metadata_inserted AFTER INSERT ON table_metadata
BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'metadata_changes';
END
;;
CREATE TRIGGER table_metadata_changed AFTER UPDATE ON table_metadata
BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'metadata_changes';
END
;;
CREATE TRIGGER table_metadata_deleted AFTER DELETE ON table_metadata
BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'metadata_changes';
END
;;
CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs
BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'metadata_changes';
END
;;
CREATE TRIGGER jobs_changed AFTER UPDATE ON jobs
BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'metadata_changes';
END
;;
CREATE TRIGGER jobs_deleted AFTER DELETE ON jobs
BEGIN
    UPDATE counters SET value = value + 1 WHERE name = 'metadata_changes';
END
;;
