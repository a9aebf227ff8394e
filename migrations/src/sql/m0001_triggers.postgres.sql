-- What the database keeps by itself, on PostgreSQL. Functions pin their search path, so that a trigger finds
-- its tables whatever the client's own path is.

-- updated_at ---------------------------------------------------------------------------------------------

CREATE FUNCTION lakegate_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := {now};
    RETURN NEW;
END
$$
;;
CREATE TRIGGER table_metadata_updated BEFORE UPDATE ON table_metadata
    FOR EACH ROW EXECUTE FUNCTION lakegate_updated()
;;
CREATE TRIGGER files_updated BEFORE UPDATE ON files
    FOR EACH ROW EXECUTE FUNCTION lakegate_updated()
;;
CREATE TRIGGER rejects_updated BEFORE UPDATE ON rejects
    FOR EACH ROW EXECUTE FUNCTION lakegate_updated()
;;
CREATE TRIGGER jobs_updated BEFORE UPDATE ON jobs
    FOR EACH ROW EXECUTE FUNCTION lakegate_updated()
;;

-- schema_version: numbered by the history alone, whatever a statement says. The number is chosen before the
-- row is written, the history is written after: an INSERT that ends in ON CONFLICT DO NOTHING leaves no trace.

CREATE FUNCTION lakegate_number_version() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT'
        OR NEW.schema_definition IS DISTINCT FROM OLD.schema_definition
        OR NEW.file_type IS DISTINCT FROM OLD.file_type
    THEN
        NEW.schema_version := (
            SELECT COALESCE(MAX(schema_version), 0) + 1 FROM schema_versions WHERE file_type = NEW.file_type
        );
    ELSE
        NEW.schema_version := OLD.schema_version;
    END IF;
    RETURN NEW;
END
$$
;;
CREATE TRIGGER table_metadata_number_version BEFORE INSERT OR UPDATE ON table_metadata
    FOR EACH ROW EXECUTE FUNCTION lakegate_number_version()
;;
CREATE FUNCTION lakegate_keep_version() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO schema_versions (file_type, table_name, schema_version, schema_definition)
    VALUES (NEW.file_type, NEW.table_name, NEW.schema_version, NEW.schema_definition);
    RETURN NULL;
END
$$
;;
CREATE TRIGGER table_metadata_first_version AFTER INSERT ON table_metadata
    FOR EACH ROW EXECUTE FUNCTION lakegate_keep_version()
;;
CREATE TRIGGER table_metadata_next_version AFTER UPDATE ON table_metadata
    FOR EACH ROW
    WHEN (NEW.schema_version IS DISTINCT FROM OLD.schema_version OR NEW.file_type IS DISTINCT FROM OLD.file_type)
    EXECUTE FUNCTION lakegate_keep_version()
;;

-- file_events: one row for every change of state -------------------------------------------------------------

CREATE FUNCTION lakegate_file_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO file_events (file_id, from_state, to_state, attempt, load_id, code, message)
        VALUES (NEW.id, NULL, NEW.state, NEW.attempt, NEW.load_id, NEW.error_code, NEW.error_message);
    ELSE
        INSERT INTO file_events (file_id, from_state, to_state, attempt, load_id, code, message)
        VALUES (NEW.id, OLD.state, NEW.state, NEW.attempt, COALESCE(NEW.load_id, OLD.load_id),
                NEW.error_code, NEW.error_message);
    END IF;
    RETURN NULL;
END
$$
;;
CREATE TRIGGER files_first_event AFTER INSERT ON files
    FOR EACH ROW EXECUTE FUNCTION lakegate_file_event()
;;
CREATE TRIGGER files_next_event AFTER UPDATE OF state ON files
    FOR EACH ROW WHEN (NEW.state IS DISTINCT FROM OLD.state)
    EXECUTE FUNCTION lakegate_file_event()
;;

-- The change feed ----------------------------------------------------------------------------------------

CREATE FUNCTION lakegate_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('lakegate_metadata', TG_TABLE_NAME);
    RETURN NULL;
END
$$
;;
CREATE TRIGGER table_metadata_notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON table_metadata
    FOR EACH STATEMENT EXECUTE FUNCTION lakegate_notify()
;;
CREATE TRIGGER jobs_notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON jobs
    FOR EACH STATEMENT EXECUTE FUNCTION lakegate_notify()
;;
