"""Imported before transformers' models and Trainer: keeps out what these import because it is installed, not
because we use it. scipy takes 0.3 s of each start, datasets (with pandas and pyarrow) 0.6 s of the Trainer's.
"""

import transformers.utils
import transformers.utils.import_utils

for module in (transformers.utils, transformers.utils.import_utils):
    module.is_scipy_available = module.is_datasets_available = lambda: False
