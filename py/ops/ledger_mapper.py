import json
import os

from data_juicer.ops.base_op import OPERATORS, Mapper
from data_juicer.utils.constant import Fields

OP_NAME = "ledger_mapper"


@OPERATORS.register_module(OP_NAME)
class LedgerMapper(Mapper):
    """Changes nothing; notes each record that reaches it: id, text, statistics, meta, one JSON line each.

    One stands behind every operator of a run (`fill_recipe.py` puts it there), so that `make_ledger.py` can
    tell which operator dropped or changed which record. Data-Juicer's own tracer can't: it sees no selectors,
    gives all operators of one name one file, and takes a lock and opens a file for every record.
    """

    _batched_op = True

    def __init__(self, path: str = "", last: bool = False, *args, **kwargs):
        """
        :param path: file to write; each worker process adds its own suffix.
        :param last: remove the statistics and meta columns, which Data-Juicer would export once more, slowly.
        """
        super().__init__(*args, **kwargs)
        self.path = path
        self.last = last

    def process_batched(self, samples):
        texts = samples[self.text_key]
        nothing = [{}] * len(texts)
        columns = [samples.get(key, nothing) for key in (Fields.stats, Fields.meta)]
        with open(f"{self.path}.{os.getpid()}", "a", encoding="utf-8") as file:  # noqa: PTH123
            for row in zip(samples["id"], texts, *columns, strict=True):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        return samples

    def run(self, dataset, *, exporter=None, tracer=None):
        """Read the columns in place: `Mapper.run` would copy the whole dataset to change nothing."""
        for batch in dataset.iter(batch_size=1000):
            self.process_batched(batch)
        noted = [key for key in (Fields.stats, Fields.meta) if key in dataset.features]
        return dataset.remove_columns(noted) if self.last else dataset
