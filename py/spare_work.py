"""Work of Data-Juicer 1.6.1 that changes nothing here, left out: most of its time, with answers in the store.

`install` before Data-Juicer's operators are imported. Counted in CPU time on 400,000 records: the search for
records without text 12 s (check_seed.py has refused them), an empty dict for the statistics of each record
21 s (one Arrow column), and 1.6 s of a run without a model for torch, imported to free what was not loaded.
"""

from typing import Any


def install() -> None:
    """Put the shorter ways in place, for the default executor; Ray reads and adds columns in its own way."""
    free_only_loaded_models()
    take_the_seed_as_checked()
    add_columns_at_once()


def free_only_loaded_models() -> None:
    """`free_models` imports torch even where there is nothing to free."""
    from data_juicer.utils import model_utils

    free = model_utils.free_models

    def free_models(clear_model_zoo: bool = True) -> None:
        if model_utils.MODEL_ZOO:
            free(clear_model_zoo)

    model_utils.free_models = free_models


def take_the_seed_as_checked() -> None:
    """Of `unify_format` only the type: the seed's records have texts and absolute paths."""
    from data_juicer.core.data import NestedDataset
    from data_juicer.format import formatter

    def unify_format(dataset: Any, **_: Any) -> NestedDataset:
        return NestedDataset(dataset)

    formatter.unify_format = unify_format


def add_columns_at_once() -> None:
    """The column of statistics or meta, an empty dict for each record, which a function was called for."""
    import pyarrow as pa
    from data_juicer.core.data import NestedDataset, add_same_content_to_new_column
    from datasets import Dataset
    from datasets.table import InMemoryTable

    map_records = NestedDataset.map

    def map_or_add(dataset: NestedDataset, *args: Any, **kwargs: Any) -> NestedDataset:
        given = kwargs.get("fn_kwargs")
        if args != (add_same_content_to_new_column,) or given["initial_value"] != {}:
            return map_records(dataset, *args, **kwargs)
        from ops.whole import table_of  # not before Data-Juicer has loaded our operators

        empty = pa.ExtensionArray.from_storage(pa.json_(), pa.repeat(pa.scalar("{}"), len(dataset)))
        table = table_of(dataset).append_column(given["new_column_name"], empty)
        return NestedDataset(Dataset(InMemoryTable(table)))

    NestedDataset.map = map_or_add
