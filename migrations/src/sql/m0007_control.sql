-- Control totals: what the control file of a file says that it holds, as JSON. Null: none came.
ALTER TABLE files ADD COLUMN control TEXT
