//! The tour as data: what is told, and what is run.

/// One stop.
pub(super) struct Chapter {
    pub title: &'static str,
    pub parts: &'static [Part],
}

/// A line of thought, or something to look at.
pub(super) enum Part {
    Say(&'static str),
    /// Arguments of `lakegate`. Words with `*` are expanded, as a shell would.
    Run(&'static [&'static str]),
    /// Every file below a folder.
    Find(&'static str),
}

use Part::{Find, Run, Say};

pub(super) const TOUR: &[Chapter] = &[
    Chapter {
        title: "Types are rows in an SQL table",
        parts: &[
            Say("\
What may be loaded, under which schema, into which table: one row of
table_metadata for each type of file. Two types of a vehicle fleet and a nightly
job come with Lakegate, as plain SQL."),
            Run(&["sql", "--file", "outbox/vehicles.sql"]),
            Run(&["types", "list"]),
        ],
    },
    Chapter {
        title: "Load: files in, tables out",
        parts: &[
            Say("\
Three days of files. The name of a file says its type and its day. `ingest`
takes them in one pass; `lakegate run` does the same all day long, for whatever
is dropped into data/incoming/."),
            Run(&["ingest", "outbox/1-fleet/*.json"]),
            Say("\
They are tables now: plain Parquet in folders by day, which any tool reads.
Whole files only: a reader never sees half of a load."),
            Find("data/datalake"),
            Run(&[
                "sql",
                "\
SELECT date, count(*) AS events, count(DISTINCT vehicle_id) AS vehicles
FROM vehicle_events GROUP BY date ORDER BY date",
            ]),
        ],
    },
    Chapter {
        title: "Reject: bad records never cost their neighbours",
        parts: &[
            Say("\
Seven records; three of them break the schema. Four are loaded, three are kept
aside with the exact reason. A value is never bent until it fits."),
            Run(&["ingest", "outbox/2-bad-records/*.json"]),
            Run(&["rejects", "list"]),
            Say("Each one can be looked at, down to its bytes:"),
            Run(&["rejects", "show", "--type", "vehicle_events", "--limit", "1"]),
            Say("\
The last record had a field that the schema does not know. It was not dropped:
it is in _rescued."),
            Run(&[
                "sql",
                "\
SELECT vehicle_id, event_time, event_type, _rescued
FROM vehicle_events WHERE vehicle_id LIKE 'c0ffee%' ORDER BY event_time",
            ]),
        ],
    },
    Chapter {
        title: "Fail: a file that is no JSON says why",
        parts: &[
            Say("\
A vendor's export lost its outer braces. Nothing of such a file is loaded,
nothing else is disturbed, and the message is made for the person who has to act
on it. Its bytes are kept, the reason beside them."),
            Run(&["ingest", "outbox/3-damaged/*.json"]),
            Find("data/source_data"),
            Say("\
The vendor repairs it and sends it again under the same name. Names do not
matter: a file is known by its contents."),
            Run(&["ingest", "outbox/4-repaired/*.json"]),
        ],
    },
    Chapter {
        title: "Meet: an unknown type registers itself",
        parts: &[
            Say("\
Nobody ever mentioned orders. Lakegate reads the whole file, writes down the
schema that it finds, and lets the file wait. Nothing is loaded that nobody
asked for."),
            Run(&["ingest", "outbox/5-unknown/*.ndjson"]),
            Run(&["types", "show", "orders"]),
            Say("\
Integers beyond 2^53 keep every digit, money that came as text stays text,
nesting stays nesting. One UPDATE says yes, from any SQL client; here from
Lakegate's own."),
            Run(&["sql", "UPDATE table_metadata SET status = 'active' WHERE file_type = 'orders'"]),
            Run(&["ingest"]),
            Run(&[
                "sql",
                "\
SELECT order_id, placed_at, customer['name'] AS customer, total, items
FROM orders ORDER BY order_id",
            ]),
        ],
    },
    Chapter {
        title: "Recognise: nothing is loaded twice",
        parts: &[
            Say("The events of 7 January arrive once more, under another name."),
            Run(&["ingest", "outbox/6-again/*.json"]),
        ],
    },
    Chapter {
        title: "Summarise: SQL on a schedule",
        parts: &[
            Say("\
The job daily_summary keeps the last event of each vehicle and day. It runs at
01:00 UTC by itself, or now:"),
            Run(&["jobs", "run", "daily_summary"]),
            Run(&[
                "sql",
                "\
SELECT day, count(*) AS vehicles, max(last_event_time) AS last_event_time
FROM daily_summary GROUP BY day ORDER BY day",
            ]),
            Say("\
Now a vehicle comes back into reach. The file is of 9 January, what happened in
it of the 7th. Only that day is computed again; the job knows which days new
loads have touched."),
            Run(&["ingest", "outbox/7-late/*.json"]),
            Run(&["jobs", "run", "daily_summary"]),
            Run(&[
                "sql",
                "\
SELECT day, count(*) AS vehicles, max(last_event_time) AS last_event_time
FROM daily_summary GROUP BY day ORDER BY day",
            ]),
            Run(&["sql", "SELECT id, job_name, state, days, rows_written FROM job_runs ORDER BY id"]),
        ],
    },
    Chapter {
        title: "Explain: one file's whole story",
        parts: &[
            Say("When someone asks what became of a file, and of every record in it:"),
            Run(&["files", "show", "vehicles_events_20250108190000.json"]),
        ],
    },
    Chapter {
        title: "Account: every record is somewhere",
        parts: &[
            Say("\
The ledger is made of SQL tables, too, and joins with the lake. What each file
held, against what is really in the table:"),
            Run(&[
                "sql",
                "\
SELECT f.name, f.state, f.records_read AS read, f.records_written AS written,
       f.records_rejected AS rejected, count(e._load_id) AS rows_in_lake
FROM files f LEFT JOIN vehicle_events e ON e._load_id = f.load_id AND e._source_file = f.name
WHERE f.file_type = 'vehicle_events'
GROUP BY f.id, f.name, f.state, f.records_read, f.records_written, f.records_rejected
ORDER BY f.id",
            ]),
            Say("\
And the promise that no load is committed without: read = written + rejected +
deduplicated + filtered."),
            Run(&[
                "sql",
                "\
SELECT state, count(*) AS files, sum(records_read) AS read, sum(records_written) AS written,
       sum(records_rejected) AS rejected, sum(records_deduplicated + records_filtered) AS left_out,
       sum(records_read - records_written - records_rejected
           - records_deduplicated - records_filtered) AS missing
FROM files GROUP BY state ORDER BY state",
            ]),
        ],
    },
];

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_is_one_that_can_be_typed() {
        for chapter in TOUR {
            for part in chapter.parts {
                let Run(args) = part else { continue };
                let parsed = Cli::try_parse_from(["lakegate"].iter().chain(*args));
                assert!(parsed.is_ok(), "{args:?}: {}", parsed.expect_err("seen"));
            }
        }
    }

    #[test]
    fn what_is_told_fits_on_a_screen() {
        for chapter in TOUR {
            for part in chapter.parts {
                let Say(text) = part else { continue };
                assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            }
        }
    }
}
