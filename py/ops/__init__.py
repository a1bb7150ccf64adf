"""Our Data-Juicer operators; `custom_operator_paths: [py/ops]` in a recipe registers them all."""

from . import (  # noqa: F401
    blip2_caption_mapper,
    blip_image_text_matching_filter,
    budget_selector,
    clip_best_caption_mapper,
    clip_cluster_mapper,
    clip_image_text_similarity_filter,
    clip_near_duplicate_deduplicator,
    ledger_pipeline,
    ocr_caption_mapper,
    put_back_mapper,
    rank_mapper,
    rapidocr_mapper,
    threshold_selector,
    watermark_filter,
)
