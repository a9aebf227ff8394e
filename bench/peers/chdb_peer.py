"""chdb (ClickHouse in a process): INSERT INTO FUNCTION file(…, Parquet) from file(…) with the structure given."""

from __future__ import annotations

import chdb

from ..job import Job
from ..kinds import clickhouse_structure
from ..workloads import ROOT_KEY

# A document is one object for ClickHouse, which refuses large ones unless it is told.
LARGEST_OBJECT = 100_000_000_000


def source(job: Job) -> str:
    """The SELECT that reads the job's files."""
    columns = job.workload.columns
    structure = literal(clickhouse_structure(columns))
    if job.workload.shape == "csv":
        return f"SELECT * FROM file('{job.glob}', CSVWithNames, {structure})"
    if job.workload.shape == "lines":
        return f"SELECT * FROM file('{job.glob}', JSONEachRow, {structure})"
    members = ", ".join(f"record.{column.name} AS {column.name}" for column in columns)
    document = literal(f"{ROOT_KEY} Array(Tuple({clickhouse_structure(columns)}))")
    return (
        f"SELECT {members} FROM (SELECT arrayJoin({ROOT_KEY}) AS record "
        f"FROM file('{job.glob}', JSONEachRow, {document}))"
    )


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def settings(job: Job) -> dict[str, str | int]:
    """Settings of the query. Without precise_float_parsing the last digits of doubles come out different."""
    found = {
        "max_threads": job.threads,
        "max_insert_threads": job.threads,
        "date_time_input_format": "'basic'" if job.workload.shape == "csv" else "'best_effort'",
        "precise_float_parsing": 1,
        "output_format_parquet_compression_method": "'zstd'",
        # Nobody else writes Bloom filters.
        "output_format_parquet_write_bloom_filter": 0,
    }
    if job.workload.shape in ("document", "pretty"):
        found["input_format_json_max_object_size"] = LARGEST_OBJECT
    if job.workload.name == "document_2gb":
        # It would look for line ends where there are none.
        found["input_format_parallel_parsing"] = 0
    if job.has_bad_records:
        found |= {"input_format_allow_errors_ratio": 0.5, "input_format_allow_errors_num": 1_000_000_000}
    return found


def main() -> None:
    job = Job.from_arguments()
    told = ", ".join(f"{name} = {value}" for name, value in settings(job).items())
    chdb.query(f"INSERT INTO FUNCTION file('{job.output}/part.parquet', Parquet) {source(job)} SETTINGS {told}")


if __name__ == "__main__":
    main()
