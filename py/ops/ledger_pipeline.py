import pyarrow.feather as feather
from data_juicer.ops.base_op import OPERATORS
from data_juicer.utils.constant import Fields

from .images import CHECKED, DIGEST
from .whole import ROW, WholeDataset

OP_NAME = "ledger_pipeline"


@OPERATORS.register_module(OP_NAME)
class LedgerPipeline(WholeDataset):
    """Changes nothing; notes the records that reach it, with text, statistics and meta, in an Arrow file.

    One stands behind every operator of a run (`fill_recipe.py` puts it there), so that `make_ledger.py` can
    tell which operator dropped or changed which record. Data-Juicer's own tracer can't: it sees no selectors,
    gives all operators of one name one file, and takes a lock and opens a file for every record. On Ray it
    also makes the records real, so that no operator before it is carried out again later.
    """

    def __init__(self, path: str = "", last: bool = False, *args, **kwargs):
        """
        :param path: file to write.
        :param last: remove the statistics and meta columns, which Data-Juicer would export once more, slowly,
            and those of check_seed.py, which nothing reads behind here.
        """
        super().__init__(*args, **kwargs)
        self.path = path
        self.last = last

    def process_table(self, table):
        noted = [name for name in (Fields.stats, Fields.meta) if name in table.column_names]
        feather.write_feather(table.select(["id", self.text_key, *noted]), self.path, compression="lz4")
        unread = {*noted, ROW, CHECKED, DIGEST} if self.last else {}
        return table.drop_columns([name for name in table.column_names if name in unread])
