"""The workloads: what the files look like, how many there are, and what the table is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import records
from .kinds import BOOLEAN, DOUBLE, INT, JSON, LONG, STRING, TIMESTAMP, Column, Decimal, List, Map, Scalar, Struct

ROOT_KEY = "vehicles_events"


@dataclass(frozen=True)
class Workload:
    """One set of files and the table that they become."""

    name: str
    title: str
    # Begins the names of the files, and names the type and the table in Lakegate.
    file_type: str
    columns: tuple[Column, ...]
    # SQL of one record's text over `n`; and of whether a record is good, where some are bad on purpose.
    record: str
    files: int
    records_per_file: int
    # How records become a file: lines, document (one object with one array), pretty (indented document), csv.
    shape: str = "lines"
    good: str | None = None
    # What --scale changes: the number of records in a file, or the number of files.
    scales: str = "records"
    optional: bool = False

    @property
    def records(self) -> int:
        return self.files * self.records_per_file

    @property
    def extension(self) -> str:
        return {"lines": "ndjson", "csv": "csv"}.get(self.shape, "json")

    def scaled(self, scale: float) -> Workload:
        """The same workload with `scale` times the records."""
        if self.scales == "nothing":
            return self
        if self.scales == "files":
            return replace(self, files=max(1, round(self.files * scale)))
        return replace(self, records_per_file=max(1, round(self.records_per_file * scale)))

    def file_name(self, index: int) -> str:
        """Unique by its time; all on one day, so that every tool writes one partition."""
        seconds = index % 86400
        clock = f"{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}"
        return f"{self.file_type}_{PARTITION_DATE.replace('-', '')}{clock}.{self.extension}"


# The day in the names of all files, which is their partition.
PARTITION_DATE = "2026-03-01"

EVENTS = (
    Column("vehicle_id", STRING, required=True),
    Column("event_time", TIMESTAMP, required=True),
    Column("event_source", STRING),
    Column("event_type", STRING),
    Column("event_value", JSON),
    Column("event_extra_data", JSON),
)

# What is in event_extra_data, for a tool that cannot keep JSON as it is.
EVENT_EXTRAS = (
    Column("event_extra_data", Struct((Column("lat", DOUBLE), Column("lon", DOUBLE), Column("satellites", LONG)))),
)

PUSHES = (
    Column("id", STRING, required=True),
    Column("type", STRING, required=True),
    Column("actor", Struct((Column("id", LONG), Column("login", STRING), Column("avatar_url", STRING)))),
    Column("repo", Struct((Column("id", LONG), Column("name", STRING), Column("stars", LONG)))),
    Column("payload", Struct((
        Column("push_id", LONG),
        Column("ref", STRING),
        Column("head", STRING),
        Column("score", DOUBLE),
        Column("commits", List(Struct((
            Column("sha", STRING),
            Column("author", Struct((Column("name", STRING), Column("email", STRING)))),
            Column("message", STRING),
            Column("distinct", BOOLEAN),
        )))),
    ))),
    Column("labels", Map(STRING)),
    Column("public", BOOLEAN),
    Column("created_at", TIMESTAMP, required=True),
    Column("org", Struct((Column("id", LONG), Column("login", STRING)))),
)  # fmt: skip

WIDE = (
    Column("id", LONG, required=True),
    *(Column(name, Scalar(kind)) for name, kind in records.WIDE_COLUMNS[1:]),
)

TEXTS = (
    Column("id", LONG, required=True),
    Column("language", STRING),
    Column("created_at", TIMESTAMP, required=True),
    Column("title", STRING),
    Column("body", STRING, required=True),
)

NUMBERS = (
    Column("id", LONG, required=True),
    *(Column(f"int_{i}", INT, required=True) for i in range(5)),
    *(Column(f"long_{i}", LONG, required=True) for i in range(4)),
    *(Column(f"double_{i}", DOUBLE, required=True) for i in range(8)),
    *(Column(f"price_{i}", Decimal(12, 2), required=True) for i in range(4)),
)

TRIPS = (
    Column("trip_id", LONG, required=True),
    Column("vendor_id", INT, required=True),
    Column("pickup_time", TIMESTAMP, required=True),
    Column("dropoff_time", TIMESTAMP, required=True),
    Column("passengers", INT),
    Column("distance", DOUBLE),
    Column("pickup_zone", INT),
    Column("dropoff_zone", INT),
    Column("rate", STRING),
    Column("stored", BOOLEAN),
    Column("payment", STRING),
    Column("fare", Decimal(9, 2)),
    Column("tip", Decimal(9, 2)),
    Column("total", Decimal(9, 2)),
    Column("note", STRING),
)

EVENT, PRETTY_EVENT = records.event(), records.event(indent="      ")

WORKLOADS = (
    Workload("startup", "one record: the cost of starting", "vehicle_events", EVENTS, EVENT, 1, 1, scales="nothing"),
    Workload("ndjson", "line-delimited JSON, 20 files, 1 GB", "vehicle_events", EVENTS, EVENT, 20, 250_000),
    Workload("documents", "40 root-keyed documents of 5 MB, compact", "vehicle_events", EVENTS, EVENT, 40, 25_000,
             shape="document", scales="files"),
    Workload("documents_pretty", "40 root-keyed documents of 5 MB, indented", "vehicle_events", EVENTS, PRETTY_EVENT,
             40, 20_000, shape="pretty", scales="files"),
    Workload("document_2gb", "one root-keyed document of 2 GB", "vehicle_events", EVENTS, EVENT, 1, 10_000_000,
             shape="document"),
    Workload("small_files", "20,000 files of 100 records", "vehicle_events", EVENTS, EVENT, 20_000, 100,
             scales="files"),
    Workload("nested", "nested records, 10 files", "pushes", PUSHES, records.push(), 10, 50_000),
    Workload("wide", "records of 200 columns, 10 files", "wide_rows", WIDE, records.wide(), 10, 15_000),
    Workload("texts", "texts of 2 to 20 kB, 10 files", "texts", TEXTS, records.text(), 10, 5_000),
    Workload("numbers", "integers, doubles, decimals, 10 files", "numbers", NUMBERS, records.numbers(), 10, 120_000),
    Workload("csv", "CSV, 10 million trips in 10 files", "trips", TRIPS, records.trip(), 10, 1_000_000, shape="csv"),
    Workload("bad_records", "as ndjson, 1 % of the records are bad", "vehicle_events", EVENTS, records.bad_event(),
             20, 250_000, good=records.BAD_EVENT_IS_GOOD),
    Workload("csv_100m", "CSV, 100 million trips in 100 files", "trips", TRIPS, records.trip(), 100, 1_000_000,
             shape="csv", optional=True),
)  # fmt: skip


def by_name(name: str, scale: float = 1.0) -> Workload:
    """The workload of that name, scaled."""
    return next(workload for workload in WORKLOADS if workload.name == name).scaled(scale)
