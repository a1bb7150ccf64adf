"""Our Data-Juicer operators; `custom_operator_paths: [py/ops]` in a recipe registers them all."""

from . import (  # noqa: F401
    blip2_caption_mapper,
    clip_image_text_similarity_filter,
    ledger_mapper,
    repeat_to_budget_selector,
)
