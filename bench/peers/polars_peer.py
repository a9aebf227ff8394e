"""Polars: a lazy scan with the schema given, streamed into one Parquet file.

Times are read as text and converted with their format given, which is several times faster than reading them as
times. JSON numbers become decimals by way of doubles: Polars does not read them as decimals.
"""

from __future__ import annotations

import polars as pl

from ..job import Job
from ..kinds import TIMESTAMP, Column, Decimal
from ..workloads import EVENT_EXTRAS, ROOT_KEY

TIME_FORMAT = {"csv": "%Y-%m-%d %H:%M:%S"}
RFC3339 = "%Y-%m-%dT%H:%M:%S%.fZ"


def scanned_type(column: Column):
    """The type as which a column is read."""
    if column.kind == TIMESTAMP:
        return pl.String
    if isinstance(column.kind, Decimal):
        return pl.Float64
    return column.kind.polars(pl)


def converted(rows: pl.LazyFrame, job: Job) -> pl.LazyFrame:
    """The rows with the columns that were read as another type."""
    columns = job.workload.columns
    form = TIME_FORMAT.get(job.workload.shape, RFC3339)
    # A time that is none becomes null where records may be bad, and is an error elsewhere.
    strict = not job.has_bad_records
    times = [
        pl.col(c.name).str.to_datetime(form, time_unit="us", time_zone="UTC", strict=strict)
        for c in columns
        if c.kind == TIMESTAMP
    ]
    decimals = [pl.col(c.name).cast(c.kind.polars(pl)) for c in columns if isinstance(c.kind, Decimal)]
    return rows.with_columns(times + decimals)


def scanned(job: Job) -> pl.LazyFrame:
    """The frame that reads the job's files."""
    workload = job.workload
    types = {column.name: scanned_type(column) for column in workload.columns}
    if workload.shape == "csv":
        return pl.scan_csv(job.files, schema=types)
    if workload.shape == "lines":
        return pl.scan_ndjson(job.files, schema=types, ignore_errors=job.has_bad_records)
    # A compact document is a line, which can be scanned; another cannot.
    if workload.shape == "document":
        documents = pl.scan_ndjson(job.files, schema={ROOT_KEY: pl.List(pl.Struct(types))})
    else:
        # read_json cannot keep an object as its text, so it is told the members.
        types |= {column.name: column.kind.polars(pl) for column in EVENT_EXTRAS}
        schema = {ROOT_KEY: pl.List(pl.Struct(types))}
        documents = pl.concat([pl.read_json(file, schema=schema) for file in job.files]).lazy()
    return documents.explode(ROOT_KEY).unnest(ROOT_KEY)


def main() -> None:
    job = Job.from_arguments()
    rows = converted(scanned(job), job)
    if job.has_bad_records:
        rows = rows.filter(pl.col("vehicle_id").is_not_null() & pl.col("event_time").is_not_null())
    rows.sink_parquet(f"{job.output}/part.parquet", compression="zstd")


if __name__ == "__main__":
    main()
