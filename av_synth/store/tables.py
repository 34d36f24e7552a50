"""The columnar tables of a run (`columns` lists them): checked rows, and their Parquet bytes, equal for equal content.

Rows are sorted by the table's key before they are written, so the order in which threads finished leaves no trace.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from av_synth.errors import StoreError
from av_synth.store.columns import OPTIONAL as OPTIONAL
from av_synth.store.columns import TABLES as TABLES
from av_synth.store.columns import TableSpec


def spec(name: str) -> TableSpec:
    """The `TableSpec` of a table.

    Raises:
        StoreError: if a run has no such table.
    """
    if name not in TABLES:
        raise StoreError(f"table '{name}': not a table of a run; want one of {', '.join(sorted(TABLES))}")
    return TABLES[name]


def _from_columns(name: str, columns: Mapping[str, object]) -> pa.Table:
    """Build a table from one sequence or array (N,) per column, converted where that loses nothing.

    Raises:
        StoreError: on missing or unknown columns, or a value that does not fit its type.
    """
    schema = spec(name).schema
    _check_names(name, set(columns), schema)
    arrays = []
    for field in schema:
        try:
            # asked for a type at once, pyarrow would cut 0.5 to 0 silently; a safe cast refuses
            values = pa.array(columns[field.name])
            # nulls have no type; `checked` tells about them
            if values.null_count < len(values) and _family(values.type) != _family(field.type):
                raise TypeError(f"got {values.type}")
            arrays.append(values.cast(field.type))
        except (pa.ArrowException, TypeError, OverflowError, ValueError) as error:
            raise StoreError(f"table '{name}', column {field.name}: want {field.type}: {error}") from error
    try:
        return pa.Table.from_arrays(arrays, schema=schema)
    except pa.ArrowInvalid as error:
        raise StoreError(f"table '{name}': columns differ in length: {error}") from error


def from_rows(name: str, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """Build a table from one mapping per row; no rows give the empty table.

    Raises:
        StoreError: on missing or unknown columns in any row, or a value that does not fit its type.
    """
    names = spec(name).schema.names
    columns: dict[str, list[object]] = {column: [] for column in names}
    for row in rows:
        _check_names(name, set(row), spec(name).schema)
        for column in names:
            columns[column].append(row[column])
    return _from_columns(name, columns)


def checked(name: str, table: pa.Table) -> pa.Table:
    """The table sorted by its key in one chunk, without foreign metadata, after every check.

    Raises:
        StoreError: on a wrong column, type, null, non-finite number or doubled key.
    """
    wanted = spec(name)
    _check_names(name, set(table.schema.names), wanted.schema)
    table = table.select(wanted.schema.names)
    for field in wanted.schema:
        got = table.schema.field(field.name).type
        if got != field.type:
            raise StoreError(f"table '{name}', column {field.name}: got {got}, want {field.type}")
        column = table.column(field.name)
        if column.null_count:
            raise StoreError(f"table '{name}', column {field.name}: {column.null_count} nulls; leave such rows out")
        if pa.types.is_floating(field.type) and not pc.all(pc.is_finite(column), min_count=0).as_py():
            row = pc.index(pc.is_finite(column), False).as_py()
            where = {key: table.column(key)[row].as_py() for key in wanted.key}
            raise StoreError(
                f"table '{name}', column {field.name}: {column[row].as_py()} at {where}; want finite numbers"
            )
    table = table.replace_schema_metadata(None).cast(wanted.schema)
    table = table.sort_by([(key, "ascending") for key in wanted.key]).combine_chunks()
    distinct = table.group_by(list(wanted.key)).aggregate([]).num_rows
    if distinct != table.num_rows:
        raise StoreError(
            f"table '{name}': {table.num_rows - distinct} rows repeat ({', '.join(wanted.key)}); want each once"
        )
    return table


def encode(name: str, table: pa.Table) -> bytes:
    """Parquet bytes of a checked table: equal content gives equal bytes with one pyarrow version.

    Raises:
        StoreError: as `checked`.
    """
    sink = io.BytesIO()
    pq.write_table(checked(name, table), sink, compression="zstd", compression_level=3, row_group_size=1 << 20)
    return sink.getvalue()


def read(name: str, path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table back.

    Args:
        name: its name.
        path: the Parquet file.
        columns: those that are wanted; None for all.

    Raises:
        StoreError: if the file is missing, torn or has other columns than this version writes.
    """
    schema = spec(name).schema
    try:
        # from memory and without threads: most tables are small, and on a busy machine handing over costs milliseconds
        file = pq.ParquetFile(pa.BufferReader(path.read_bytes()))
        there = file.schema_arrow
        table = file.read(columns=columns, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: not a readable table: {str(error).rstrip('.')}") from error
    if not there.equals(schema):
        differ = sorted({field.name for field in (*there, *schema) if field not in there or field not in schema})
        raise StoreError(f"{path}: {', '.join(differ) or 'the order'} of its columns is not as this av_synth writes it")
    return table


def _family(kind: pa.DataType) -> str:
    """What may be converted into one another: numbers; nothing else."""
    return "number" if pa.types.is_integer(kind) or pa.types.is_floating(kind) else str(kind)


def _check_names(name: str, got: set[str], schema: pa.Schema) -> None:
    wanted = set(schema.names)
    if got != wanted:
        parts = []
        if wanted - got:
            parts.append(f"missing {', '.join(sorted(wanted - got))}")
        if got - wanted:
            parts.append(f"unknown {', '.join(sorted(got - wanted))}")
        raise StoreError(f"table '{name}': {'; '.join(parts)}; want {', '.join(schema.names)}")
