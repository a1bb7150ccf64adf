"""The official flags, and what became of them."""

import json

import pytest

from errors import BadInput
from mgm.training.flags import parse, translate
from mgm.training.launch import deepspeed_config

NEEDED = ["--model_name_or_path", "m", "--data_path", "d", "--output_dir", "o"]
OFFICIAL = [
    "--version",
    "gemma",
    "--mm_projector_type",
    "mlp2x_gelu",
    "--tune_mm_mlp_adapter",
    "True",
    "--mm_vision_select_layer",
    "-2",
    "--mm_use_im_start_end",
    "False",
    "--mm_use_im_patch_token",
    "False",
    "--image_size_aux",
    "768",
    "--num_train_epochs",
    "1",
    "--per_device_train_batch_size",
    "4",
    "--per_device_eval_batch_size",
    "4",
    "--gradient_accumulation_steps",
    "2",
    "--evaluation_strategy",
    "no",
    "--save_strategy",
    "steps",
    "--save_steps",
    "100",
    "--save_total_limit",
    "1",
    "--learning_rate",
    "1e-3",
    "--weight_decay",
    "0.",
    "--warmup_ratio",
    "0.03",
    "--lr_scheduler_type",
    "cosine",
    "--logging_steps",
    "1",
    "--tf32",
    "True",
    "--model_max_length",
    "2048",
    "--gradient_checkpointing",
    "True",
    "--dataloader_num_workers",
    "4",
    "--lazy_preprocess",
    "True",
    "--report_to",
    "none",
]


def parse_cpu(*flags: str):
    return parse([*NEEDED, *flags], on_cpu=True, tf32=False)


def test_the_official_flags_mean_what_they_meant():
    model, data, training, notes = parse_cpu(*OFFICIAL)
    assert (model.tune_mm_mlp_adapter, model.mm_vision_select_layer, model.image_size_aux) == (True, -2, 768)
    assert (training.warmup_steps, training.get_warmup_steps(101)) == (0.03, 4)  # rounded up, as it was
    assert training.learning_rate == 1e-3 and training.lr_scheduler_type.value == "cosine"
    assert training.activation_checkpointing and training.eval_strategy.value == "no"
    assert training.seed == 1024 and training.tf32 is None and data.lazy_preprocess
    assert notes == [
        "--evaluation_strategy is now --eval_strategy",
        "--warmup_ratio is now --warmup_steps",
        "--tf32 is ignored: the device has no TF32",
        "--gradient_checkpointing is now --activation_checkpointing",
    ]


def test_tf32_stays_where_the_device_has_it():
    assert translate(["--tf32", "True"], tf32=True) == (["--tf32", "True"], [])


def test_flags_that_are_gone_get_one_note_each_or_an_error_where_they_would_change_the_result():
    out, notes = translate(
        ["--overwrite_output_dir", "--logging_dir=x", "--bits", "16", "--seed=3"], tf32=False
    )
    assert out == ["--seed", "3"] and len(notes) == 3
    with pytest.raises(BadInput, match="--bits 4"):
        translate(["--bits", "4"], tf32=False)


@pytest.mark.parametrize("flags", [["--learning_rat", "1"], ["--learn", "1"], ["stray"]])
def test_an_unknown_flag_is_an_error(flags):
    with pytest.raises(BadInput, match=f"unknown: {' '.join(flags)}; train.py --help"):
        parse_cpu(*flags)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--version", "v1"], "only gemma is supported"),
        (["--mm_use_im_start_end", "True"], "mm_use_im_start_end True is not supported"),
        (["--eval_strategy", "steps"], "no evaluation set"),
        (["--deepspeed", "gone.json"], "gone.json: no such file"),
        (["--feature_cache_gb", "-1"], "feature_cache_gb -1: must be 0 or more"),
        (["--feature_cache_gb", "nan"], "feature_cache_gb nan: must be 0 or more"),
        (
            [
                "--global_batch_size",
                "9",
                "--per_device_train_batch_size",
                "4",
                "--gradient_accumulation_steps",
                "2",
            ],
            "9 is not 8 = per_device_train_batch_size 4 × gradient_accumulation_steps 2 × 1 processes",
        ),
    ],
)
def test_settings_that_cannot_be_are_an_error(flags, message):
    with pytest.raises(BadInput, match=message):
        parse_cpu(*flags)


def test_a_global_batch_that_multiplies_out_passes():
    flags = [
        "--global_batch_size",
        "8",
        "--per_device_train_batch_size",
        "4",
        "--gradient_accumulation_steps",
        "2",
    ]
    assert parse_cpu(*flags)[2].global_batch_size == 8


@pytest.mark.parametrize(
    ("flags", "steps", "words"),
    [
        (["--logging_steps", "500"], 10, "taken as 10"),
        (["--logging_steps", "0.25"], 1, "taken as 1"),
        (["--logging_strategy", "no", "--logging_steps", "5"], 5, "logging_strategy no is taken as steps"),
    ],
)
def test_a_broken_run_is_never_watched_less_than_every_ten_steps(flags, steps, words):
    *_, training, notes = parse_cpu(*flags)
    assert training.logging_steps == steps and words in notes[0]
    assert training.logging_strategy.value == "steps"


def test_offloading_is_dropped_on_cpu_and_kept_elsewhere(tmp_path):
    path = tmp_path / "offload.json"
    zero = {"stage": 2, "offload_optimizer": {"device": "cpu"}}
    path.write_text(json.dumps({"zero_optimization": zero, "optimizer": {"type": "AdamW"}}))
    config, notes = deepspeed_config(path, on_cpu=True)
    assert (
        config == {"zero_optimization": {"stage": 2}, "zero_allow_untested_optimizer": True}
        and len(notes) == 2
    )
    config, notes = deepspeed_config(path, on_cpu=False)
    assert config["zero_optimization"] == zero and not notes
