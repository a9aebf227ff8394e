"""The command line."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from . import growth, latency
from .tools import PEERS
from .workloads import WORKLOADS

DESCRIPTION = """\
Compares Lakegate with DuckDB, Polars, chdb and Spark: files to zstd Parquet, partitioned by day.

Everything that a run needs lies in one folder, .bench/ unless --dir says otherwise: the peers' virtual environment
(2 GB), the generated files of one workload at a time (up to 2 GB; with --keep of all, 9 GB) and the output of one run
(up to 1 GB). Each run is a process of its own, its start included, on the same cores, with the files in the page
cache. Rounds are interleaved; times are medians. Lakegate runs as `lakegate ingest`, with validation, ledger and fsync.
Peers get the schema, and the form that is fastest for them (bench/peers/). The rows of all outputs are compared by
checksums of every column. CPU time is user and system time of all processes of a run; on a busy machine it says more
than wall time."""

EXAMPLES = """\
examples:
  scripts/bench                                  everything: one to two hours, most of it Spark's and chdb's
  scripts/bench --scale 0.1 --rounds 1           a tenth of everything, once
  scripts/bench --only ndjson,csv --peers duckdb,polars --keep
  scripts/bench --only csv_100m                  100 million rows of CSV (10 GB)
  scripts/bench --only latency,growth            Lakegate alone
  scripts/bench --markdown table.md --json runs.json

exit codes: 0 all is well, 1 Lakegate failed or outputs differ, 2 usage

workloads:
"""

# Measured on Lakegate alone.
ALONE = {"latency": latency.TITLE, "growth": growth.TITLE}


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options, checked."""
    titles = {w.name: w.title + (" (only when named)" if w.optional else "") for w in WORKLOADS} | ALONE
    parser = argparse.ArgumentParser(
        "scripts/bench",
        description=DESCRIPTION,
        epilog=EXAMPLES + "\n".join(f"  {name:17} {title}" for name, title in titles.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    options = parser.parse_args(arguments)
    if options.lakegate is None:
        parser.error("--lakegate is missing; scripts/bench builds the binary and gives it")
    if not options.lakegate.is_file():
        parser.error(f"there is no file {options.lakegate}")
    if options.only is None:
        options.only = [w.name for w in WORKLOADS if not w.optional] + list(ALONE)
    for given, allowed, what in ((options.only, titles, "workload"), (options.peers, PEERS, "peer")):
        for name in given:
            if name not in allowed:
                parser.error(f"there is no {what} {name!r}; there are {', '.join(allowed)}")
    options.dir, options.lakegate = options.dir.resolve(), options.lakegate.resolve()
    return options


def add_options(parser: argparse.ArgumentParser) -> None:
    """All options."""
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    add = parser.add_argument
    add("--scale", type=float, default=1.0, metavar="X", help="times the records (default 1)")
    add("--only", type=listed, metavar="NAMES", help="these workloads, separated by commas (default: all)")
    add("--peers", type=listed, default=list(PEERS), metavar="NAMES",
        help=f"these peers (default {','.join(PEERS)}; '' for none)")  # fmt: skip
    add("--rounds", type=positive, default=3, metavar="N", help="runs of each tool on each workload (default 3)")
    add("--lakegate", type=Path, metavar="BINARY", help="measure this binary instead of building one")
    add("--cores", type=positive, metavar="N", help="use only the first N cores (default: all)")
    add("--timeout", type=float, default=600, metavar="S", help="end a run after S seconds (default 600)")
    add("--memory-gb", type=float, default=round(memory_gb * 0.6, 1), metavar="GB",
        help="end a run that holds more (default: 60 %% of the memory)")  # fmt: skip
    add("--seed", type=int, default=1, metavar="N", help="of the generated data (default 1)")
    add("--dir", type=Path, default=Path(".bench"), metavar="DIR", help="work here (default .bench)")
    add("--keep", action="store_true", help="keep the generated data for the next time")
    add("--markdown", type=Path, metavar="FILE", help="write the table as Markdown")
    add("--json", type=Path, metavar="FILE", help="write every run")


def listed(text: str) -> list[str]:
    """Names separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def positive(text: str) -> int:
    """A whole number above 0."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is not above 0")
    return number
