"""Our Data-Juicer operators; `custom_operator_paths: [py/ops]` in a recipe registers them all."""

import os
from pathlib import Path

import bad_records

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

if noted := os.environ.get("SYNTH_BAD_RECORDS"):  # an actor of Ray, which makes its operators anew
    bad_records.install(Path(noted))
