"""DuckDB: read_json or read_csv with the columns given, COPY to one Parquet file."""

from __future__ import annotations

import json

import duckdb

from ..job import Job
from ..kinds import duckdb_columns
from ..workloads import ROOT_KEY, Workload


def source(job: Job) -> str:
    """The SELECT that reads the job's files."""
    workload = job.workload
    if workload.shape == "csv":
        return (
            f"FROM read_csv('{job.glob}', header = true, delim = ',', quote = '\"', escape = '\"', "
            f"auto_detect = false, columns = {duckdb_columns(workload.columns)})"
        )
    if workload.shape in ("document", "pretty"):
        return document_source(job, workload)
    if workload.name == "small_files":
        return small_files_source(job, workload)
    rows = f"FROM read_json('{job.glob}', format = 'newline_delimited', columns = {duckdb_columns(workload.columns)}"
    if job.has_bad_records:
        # A cut line is left out; a value that does not fit becomes null, so the condition drops its record.
        return rows + ", ignore_errors = true) WHERE vehicle_id IS NOT NULL AND event_time IS NOT NULL"
    return rows + ")"


def record_structure(workload: Workload) -> str:
    """The columns as from_json wants them."""
    return json.dumps({column.name: column.kind.duckdb() for column in workload.columns})


def small_files_source(job: Job, workload: Workload) -> str:
    """Lines first, columns then, with small buffers: read_json takes almost twice the time for 20,000 files."""
    return (
        f"SELECT unnest(from_json(json, '{record_structure(workload)}')) FROM read_json_objects('{job.glob}', "
        "format = 'newline_delimited', maximum_object_size = 65536)"
    )


def document_source(job: Job, workload: Workload) -> str:
    """Each document as a text, from which its records come: four times faster than read_json on documents of 5 MB.

    One large document is read by read_json, which is then faster: unnest is slow for a long list from an expression.
    """
    if workload.name == "document_2gb":
        return large_document_source(job, workload)
    document = f'{{"{ROOT_KEY}": [{record_structure(workload)}]}}'
    return f"SELECT unnest(from_json(content, '{document}').{ROOT_KEY}, recursive := true) FROM read_text('{job.glob}')"


def large_document_source(job: Job, workload: Workload) -> str:
    """The document is one object for read_json, and must fit into its buffer."""
    record = "STRUCT(" + ", ".join(f'"{c.name}" {c.kind.duckdb()}' for c in workload.columns) + ")"
    return (
        f"SELECT unnest({ROOT_KEY}, recursive := true) FROM read_json('{job.glob}', format = 'unstructured', "
        f"maximum_object_size = {job.largest_file + 1}, columns = {{'{ROOT_KEY}': '{record}[]'}})"
    )


def main() -> None:
    job = Job.from_arguments()
    database = duckdb.connect(config={"threads": job.threads, "memory_limit": f"{job.memory_mb}MB"})
    database.execute("SET preserve_insertion_order = false")
    database.execute(f"COPY ({source(job)}) TO '{job.output}/part.parquet' (FORMAT parquet, COMPRESSION zstd)")


if __name__ == "__main__":
    main()
