"""Column types, written once and told to every tool in its own words."""

from __future__ import annotations

from dataclasses import dataclass

SCALARS = {
    # kind: (Lakegate, DuckDB, ClickHouse, Spark)
    "string": ("string", "VARCHAR", "String", "STRING"),
    "boolean": ("boolean", "BOOLEAN", "Bool", "BOOLEAN"),
    "int": ("int", "INTEGER", "Int32", "INT"),
    "long": ("long", "BIGINT", "Int64", "BIGINT"),
    "double": ("double", "DOUBLE", "Float64", "DOUBLE"),
    "timestamp": ("timestamp", "TIMESTAMP", "DateTime64(6, 'UTC')", "TIMESTAMP"),
    # Any JSON value, kept as its text. Only DuckDB has a type of its own for it that all readers understand.
    "json": ("json", "JSON", "String", "STRING"),
}


@dataclass(frozen=True)
class Scalar:
    """A type without parameters; `name` is a key of SCALARS."""

    name: str

    def lakegate(self) -> dict:
        return {"type": SCALARS[self.name][0]}

    def duckdb(self) -> str:
        return SCALARS[self.name][1]

    def clickhouse(self, nullable: bool = True) -> str:
        plain = SCALARS[self.name][2]
        return f"Nullable({plain})" if nullable else plain

    def spark(self) -> str:
        return SCALARS[self.name][3]

    def polars(self, pl):
        return {
            "string": pl.String,
            "boolean": pl.Boolean,
            "int": pl.Int32,
            "long": pl.Int64,
            "double": pl.Float64,
            "timestamp": pl.Datetime("us", "UTC"),
            "json": pl.String,
        }[self.name]


@dataclass(frozen=True)
class Decimal:
    """An exact number of `precision` digits, `scale` of them after the point."""

    precision: int
    scale: int

    def lakegate(self) -> dict:
        return {"type": f"decimal({self.precision},{self.scale})"}

    def duckdb(self) -> str:
        return f"DECIMAL({self.precision},{self.scale})"

    def clickhouse(self, nullable: bool = True) -> str:
        plain = f"Decimal({self.precision}, {self.scale})"
        return f"Nullable({plain})" if nullable else plain

    def spark(self) -> str:
        return self.duckdb()

    def polars(self, pl):
        return pl.Decimal(self.precision, self.scale)


@dataclass(frozen=True)
class Struct:
    """An object with known members."""

    fields: tuple[Column, ...]

    def lakegate(self) -> dict:
        return {"type": "struct", "fields": [column.lakegate() for column in self.fields]}

    def duckdb(self) -> str:
        return "STRUCT(" + ", ".join(f'"{c.name}" {c.kind.duckdb()}' for c in self.fields) + ")"

    def clickhouse(self, nullable: bool = True) -> str:
        plain = "Tuple(" + ", ".join(c.clickhouse() for c in self.fields) + ")"
        return f"Nullable({plain})" if nullable else plain

    def spark(self) -> str:
        return "STRUCT<" + ", ".join(f"`{c.name}`: {c.kind.spark()}" for c in self.fields) + ">"

    def polars(self, pl):
        return pl.Struct({c.name: c.kind.polars(pl) for c in self.fields})


@dataclass(frozen=True)
class List:
    """An array of one type."""

    item: Kind

    def lakegate(self) -> dict:
        return {"type": "list", "items": self.item.lakegate()}

    def duckdb(self) -> str:
        return self.item.duckdb() + "[]"

    def clickhouse(self, nullable: bool = True) -> str:
        # Neither arrays nor maps can be null, and no array of the workloads holds a null.
        return f"Array({self.item.clickhouse(nullable=False)})"

    def spark(self) -> str:
        return f"ARRAY<{self.item.spark()}>"

    def polars(self, pl):
        return pl.List(self.item.polars(pl))


@dataclass(frozen=True)
class Map:
    """An object with free keys and values of one type. Polars has no such type and keeps the JSON text."""

    value: Kind

    def lakegate(self) -> dict:
        return {"type": "map", "items": self.value.lakegate()}

    def duckdb(self) -> str:
        return f"MAP(VARCHAR, {self.value.duckdb()})"

    def clickhouse(self, nullable: bool = True) -> str:
        return f"Map(String, {self.value.clickhouse()})"

    def spark(self) -> str:
        return f"MAP<STRING, {self.value.spark()}>"

    def polars(self, pl):
        return pl.String


Kind = Scalar | Decimal | Struct | List | Map


@dataclass(frozen=True)
class Column:
    """A named column. A required one is never null, and tools that can be told so are told."""

    name: str
    kind: Kind
    required: bool = False

    def lakegate(self) -> dict:
        return {"name": self.name, **self.kind.lakegate(), "nullable": not self.required}

    def clickhouse(self) -> str:
        return f"{self.name} {self.kind.clickhouse(nullable=not self.required)}"


STRING, BOOLEAN, INT, LONG = Scalar("string"), Scalar("boolean"), Scalar("int"), Scalar("long")
DOUBLE, TIMESTAMP, JSON = Scalar("double"), Scalar("timestamp"), Scalar("json")


def lakegate_schema(columns: tuple[Column, ...]) -> dict:
    """The text of `schema_definition`, as an object."""
    return {"fields": [column.lakegate() for column in columns]}


def duckdb_columns(columns: tuple[Column, ...]) -> str:
    """The `columns = {…}` argument of read_json and read_csv."""
    return "{" + ", ".join(f"'{c.name}': '{c.kind.duckdb()}'" for c in columns) + "}"


def clickhouse_structure(columns: tuple[Column, ...]) -> str:
    """The structure argument of the table function file()."""
    return ", ".join(column.clickhouse() for column in columns)


def spark_schema(columns: tuple[Column, ...]) -> str:
    """A schema as Spark DDL."""
    return ", ".join(f"`{c.name}` {c.kind.spark()}" for c in columns)
