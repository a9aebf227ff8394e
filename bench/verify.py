"""Reads one tool's output and tells its row count and one checksum for each column, whatever the order of the rows.

Run as a process of its own: python -m bench.verify WORKLOAD FOLDER. DuckDB is the neutral reader. Columns are brought
to the workload's types first, so that the same value has the same checksum however a tool stores it: times as
microseconds, JSON with its white space and spelling of numbers made equal.
"""

from __future__ import annotations

import json
import sys

import duckdb

from .kinds import BOOLEAN, JSON, STRING, TIMESTAMP, Column, Decimal, Map, Scalar
from .workloads import by_name

# A name that no column has: whole rows, so that values which moved to another row are found, too.
WHOLE_ROWS = "(whole rows)"


def normal(column: Column, stored: str) -> str:
    """SQL of a column's value in the form that is compared."""
    name = f'"{column.name}"'
    if column.kind == TIMESTAMP:
        return f"epoch_us({name})"
    if column.kind in (STRING, BOOLEAN) or isinstance(column.kind, Decimal):
        return f"CAST({name} AS {column.kind.duckdb()})"
    if column.kind == JSON or isinstance(column.kind, Map):
        return json_text(name, stored)
    if isinstance(column.kind, Scalar):
        return f"CAST({name} AS {column.kind.duckdb()})"
    return f"CAST(to_json(CAST({name} AS {column.kind.duckdb()})) AS VARCHAR)"


def json_text(name: str, stored: str) -> str:
    """SQL of a JSON value's text. Some tools keep the quotes of a text that is a value by itself, some do not."""
    if stored not in ("VARCHAR", "JSON"):
        return f"CAST(to_json({name}) AS VARCHAR)"
    text = f"CAST({name} AS VARCHAR)"
    return (
        f"CASE left({text}, 1) WHEN '\"' THEN json_extract_string({text}, '$') "
        f"WHEN '{{' THEN CAST(json({text}) AS VARCHAR) WHEN '[' THEN CAST(json({text}) AS VARCHAR) ELSE {text} END"
    )


def checksums(workload_name: str, folder: str) -> dict:
    """The row count; for each column how many values it has and the sum of their hashes; the same for whole rows."""
    database = duckdb.connect()
    source = f"read_parquet('{folder}/*.parquet', hive_partitioning = false)"
    stored = dict(database.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM {source})").fetchall())
    columns = by_name(workload_name).columns
    missing = [column.name for column in columns if column.name not in stored]
    if missing:
        return {"fault": f"no column {', '.join(missing)}"}
    values = ", ".join(f"{normal(column, stored[column.name])} AS v{i}" for i, column in enumerate(columns))
    sums = [f"count(v{i}), sum(hash(v{i}))" for i in range(len(columns))]
    sums.append(f"count(*), sum(hash({', '.join(f'v{i}' for i in range(len(columns)))}))")
    found = database.execute(f"SELECT {', '.join(sums)} FROM (SELECT {values} FROM {source})").fetchone()
    names = [*(column.name for column in columns), WHOLE_ROWS]
    pairs = [[count, str(total)] for count, total in zip(found[::2], found[1::2], strict=True)]
    return {"rows": pairs[-1][0], "columns": dict(zip(names, pairs, strict=True))}


def main() -> None:
    _, workload_name, folder = sys.argv
    try:
        told = checksums(workload_name, folder)
    except duckdb.Error as fault:
        told = {"fault": str(fault).splitlines()[0]}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
