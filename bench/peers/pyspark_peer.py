"""Spark: DataFrameReader with the schema given, one Parquet file for each task."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from ..job import Job
from ..kinds import spark_schema
from ..workloads import ROOT_KEY


def session(job: Job) -> SparkSession:
    """A session on this machine only. The JVM takes all the memory that a run may have, and starts small."""
    return (
        SparkSession.builder.master(f"local[{job.threads}]")
        .config("spark.driver.memory", f"{job.memory_mb * 3 // 4}m")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


def source(spark: SparkSession, job: Job) -> DataFrame:
    """The frame that reads the job's files."""
    workload = job.workload
    schema = spark_schema(workload.columns)
    if workload.shape == "csv":
        return spark.read.schema(schema).csv(job.input, header=True, timestampFormat="yyyy-MM-dd HH:mm:ss", escape='"')
    if workload.shape == "lines":
        mode = "DROPMALFORMED" if job.has_bad_records else "FAILFAST"
        return spark.read.schema(schema).json(job.input, mode=mode)
    document = f"`{ROOT_KEY}` ARRAY<STRUCT<{schema.replace('` ', '`: ')}>>"
    rows = spark.read.schema(document).json(job.input, multiLine=True, mode="FAILFAST")
    return rows.selectExpr(f"inline({ROOT_KEY})")


def main() -> None:
    job = Job.from_arguments()
    spark = session(job)
    source(spark, job).write.mode("overwrite").parquet(job.output, compression="zstd")
    spark.stop()


if __name__ == "__main__":
    main()
