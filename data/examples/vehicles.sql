-- The shipped types and job. Plain SQL for SQLite and PostgreSQL; `lakegate generate` and `lakegate demo` run this
-- very text. What is already there stays as it is.
--
--   sqlite3 data/metadata.db < data/examples/vehicles.sql
--   psql "$DATABASE_URL" -f data/examples/vehicles.sql

-- Files vehicles_events_… and vehicle_events_…
-- A vendor writes the key "event_extra_data:", colon included: the alias takes it to its column.
INSERT INTO table_metadata (table_name, file_type, status, schema_definition, file_pattern, description)
VALUES ('vehicle_events', 'vehicle_events', 'active', '{
  "fields": [
    {"name": "vehicle_id", "type": "string", "nullable": false},
    {"name": "event_time", "type": "timestamp", "nullable": false},
    {"name": "event_source", "type": "string"},
    {"name": "event_type", "type": "string"},
    {"name": "event_value", "type": "string"},
    {"name": "event_extra_data", "type": "json", "aliases": ["event_extra_data:"]}
  ]
}', '(?i)^vehicles?[_-]events?[_-][0-9]', 'What happened to each vehicle, as its devices report it')
ON CONFLICT DO NOTHING;

-- Files vehicles_status_… and vehicle_status_…
INSERT INTO table_metadata (table_name, file_type, status, schema_definition, file_pattern, description)
VALUES ('vehicle_status', 'vehicle_status', 'active', '{
  "fields": [
    {"name": "vehicle_id", "type": "string", "nullable": false},
    {"name": "report_time", "type": "timestamp", "nullable": false},
    {"name": "status_source", "type": "string"},
    {"name": "status", "type": "string"}
  ]
}', '(?i)^vehicles?[_-]status(es)?[_-][0-9]', 'The state that each vehicle is in')
ON CONFLICT DO NOTHING;

-- The last event of each vehicle and day. Of events at the same time the first record counts:
-- _position is the order in which records were loaded.
INSERT INTO jobs (name, target_table, source_table, time_column, schedule, timezone, description, query)
VALUES ('daily_summary', 'daily_summary', 'vehicle_events', 'event_time', '0 1 * * *', 'UTC',
  'The last event of each vehicle and day', 'SELECT vehicle_id,
       CAST(event_time AS DATE) AS day,
       max(event_time) AS last_event_time,
       first_value(event_type ORDER BY event_time DESC, _position ASC) AS last_event_type
FROM vehicle_events
WHERE vehicle_id IS NOT NULL AND event_time IS NOT NULL
GROUP BY vehicle_id, CAST(event_time AS DATE)')
ON CONFLICT DO NOTHING;
