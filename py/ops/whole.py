"""Operators that need all records at once, as a function from one Arrow table to another.

Data-Juicer's Selectors do not run on Ray. These do, on both executors, and see the records in the seed's
order on both.
"""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from data_juicer.ops.base_op import Pipeline
from data_juicer.utils.constant import Fields
from data_juicer.utils.model_utils import free_models

from errors import BadInput
from run_trace import dicts_of

ROW = "seed_row"  # the column that check_seed.py gives every record


class WholeDataset(Pipeline):
    """Base of these operators; a subclass defines `process_table`."""

    _supported_exec_modes = ("default", "ray")

    def process_table(self, table: pa.Table) -> pa.Table:
        """The records that come out, given all that go in."""
        raise NotImplementedError

    def run(self, dataset: Any, *, exporter: Any = None, tracer: Any = None) -> Any:
        """Collect ``dataset`` (of `datasets` or Ray), order it, process it, hand it back as it came."""
        on_ray = hasattr(dataset, "to_arrow_refs")
        table = ray_table(dataset) if on_ray else table_of(dataset)
        if not table.num_rows:
            raise BadInput(f"no record is left for {self._name}; loosen the recipe")
        if ROW in table.column_names:
            rows = pc.sort_indices(table[ROW])  # stable
            table = table if rows.equals(pa.array(range(len(rows)), rows.type)) else table.take(rows)
        table = self.process_table(table)
        free_models()
        if on_ray:
            import ray

            step = max(table.num_rows // 16, 1000)
            return ray.data.from_arrow([table.slice(at, step) for at in range(0, table.num_rows, step)])
        from data_juicer.core.data import NestedDataset
        from datasets import Dataset
        from datasets.table import InMemoryTable

        return NestedDataset(Dataset(InMemoryTable(table)))


def ray_table(dataset: Any) -> pa.Table:
    """All blocks of a Ray dataset."""
    import ray

    blocks = [block for block in ray.get(dataset.to_arrow_refs()) if block.num_rows]
    return pa.concat_tables(blocks, promote_options="permissive") if blocks else pa.table({})


def table_of(dataset: Any) -> pa.Table:
    """The records of a `datasets.Dataset`, whose own way gathers filtered ones in chunks of one row each."""
    table = dataset.data.table.combine_chunks()
    return table if dataset._indices is None else table.take(dataset._indices.column(0))


def take(table: pa.Table, rows: list[int]) -> pa.Table:
    """``rows`` of ``table``, in their order."""
    return table.take(pa.array(rows, pa.int64()))


def objects_of(table: pa.Table, column: str) -> list[dict]:
    """A column of statistics or meta: structs on Ray, JSON in `datasets`; none: nothing is known."""
    if column not in table.column_names:
        return [{}] * table.num_rows
    return dicts_of(table[column])


def values_of(table: pa.Table, field_key: str) -> list:
    """The values of a column, or of a field in it: ``__dj__stats__.image_text_similarity``."""
    column, *keys = field_key.split(".")
    try:
        values: list = objects_of(table, column) if keys else table[column].to_pylist()
        for key in keys:
            values = [value[key] for value in values]
    except KeyError:
        values = [None]
    if None in values:
        raise BadInput(
            f"the recipe asks for {field_key}, which no operator before has noted for every record"
        )
    return values


def with_stats(table: pa.Table, **columns: list) -> pa.Table:
    """``table`` with further statistics, one list each."""
    stats = objects_of(table, Fields.stats)
    for name, values in columns.items():
        stats = [known | {name: value} for known, value in zip(stats, values, strict=True)]
    at = table.column_names.index(Fields.stats) if Fields.stats in table.column_names else table.num_columns
    if at < table.num_columns:
        column = table[Fields.stats].type
        table = table.drop_columns([Fields.stats])
    else:
        column = pa.json_()
    if pa.types.is_struct(column):
        return table.add_column(at, Fields.stats, pa.array(stats))
    text = pa.array([json.dumps(known) for known in stats])
    return table.add_column(at, Fields.stats, pa.ExtensionArray.from_storage(pa.json_(), text))
