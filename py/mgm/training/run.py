"""One training run from flags to outputs: check everything, build, train, save."""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from errors import BadInput
from mgm.activations import keep
from mgm.checkpoint import load_base, load_processor, load_tokenizer, read_config, resolve_towers
from mgm.config import MGMConfig
from mgm.data import Collator, ConversationDataset
from mgm.features import FeatureCache, open_features
from mgm.training.arguments import DataArguments, ModelArguments, TrainingArguments
from mgm.training.check_data import check_dataset
from mgm.training.order import GlobalOrder
from mgm.training.output import finish, open_output
from mgm.training.preflight import preflight
from mgm.training.resume import run_identity
from mgm.training.trainable import set_trainable
from mgm.training.trainer import MGMTrainer
from mgm.vision_tower import vision_config


def run(model_args: ModelArguments, data_args: DataArguments, args: TrainingArguments, first: bool) -> None:
    """Train one stage. ``first``: this process talks and writes."""
    stage = "pretrain" if model_args.tune_mm_mlp_adapter else "finetune"

    def say(text: str) -> None:
        if first:
            print(f"train.py: {text}", file=sys.stderr, flush=True)

    if args.dataloader_num_workers:
        torch.multiprocessing.Lock()  # without /dev/shm: fails here, not in a loader that is half made
    config = make_config(model_args, data_args, args)
    tokenizer = load_tokenizer(model_args.model_name_or_path, args.model_max_length)
    clip, longest = vision_config(config.mm_vision_tower), args.model_max_length
    patches = (clip.image_size // clip.patch_size) ** 2
    if longest <= patches:
        raise BadInput(f"--model_max_length {longest}: an image alone takes {patches} positions; raise it")
    cut_to = (longest - patches + 1, longest) if args.cut_long_samples else None
    dataset = ConversationDataset(
        data_args.data_path, data_args.image_folder, tokenizer, load_processor(config), cut_to
    )
    check_dataset(dataset, patches, longest)
    settings = resolved(model_args, data_args, args)
    adapter = model_args.pretrain_mm_mlp_adapter
    model = load_base(config, model_args.model_name_or_path, adapter, weights_dtype(args), args.seed)
    say(f"{stage}: {set_trainable(model, model_args.tune_mm_mlp_adapter)}")
    kept, flop = preflight(config, model_args.tune_mm_mlp_adapter, args, dataset, say)
    keep(model, kept)
    args.activation_checkpointing = args.gradient_checkpointing = False  # the Trainer's own switch
    identity = run_identity(settings, config, model_args.model_name_or_path, adapter, dataset)
    checkpoint = open_output(args, identity, settings, first, say)
    features = open_cache(data_args, args, model, dataset, say)
    dataset.decodes = features is None
    trainer = MGMTrainer(
        order=make_order(args, dataset),
        fingerprint=identity["fingerprint"],
        stage=stage,
        model=model,
        args=args,
        train_dataset=dataset,
        data_collator=Collator(tokenizer.pad_token_id, features),
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if features:
        say(features.summary())
    finish(trainer, model_args, flop)
    # Else a gloo thread that still holds a tensor aborts the process at exit (pytorch/pytorch#179291).
    trainer.accelerator.end_training()


def open_cache(
    data_args: DataArguments, args: TrainingArguments, model, dataset: ConversationDataset, say: Callable
) -> FeatureCache | None:
    """The towers' features of earlier runs, where the flags name a folder and the run can use it."""
    if not data_args.feature_cache:
        return None
    if args.device.type != "cpu" or args.bf16 or args.fp16 or args.dataloader_num_workers:
        say(
            f"features: not kept in {data_args.feature_cache}: only on the CPU, in float32 and without "
            "--dataloader_num_workers"
        )
        return None
    pictures = {path for i in range(len(dataset)) if (path := dataset.image_path(i))}
    return open_features(
        data_args.feature_cache,
        data_args.feature_cache_gb,
        model.model,
        dataset.processor,
        len(pictures),
        args.per_device_train_batch_size,
        say,
    )


def make_config(model_args: ModelArguments, data_args: DataArguments, args: TrainingArguments) -> MGMConfig:
    """The LLM folder's configuration, then the flags; a finetuned folder keeps its own towers."""
    changes: dict[str, Any] = {
        "mm_vision_select_layer": model_args.mm_vision_select_layer,
        "mm_vision_select_feature": model_args.mm_vision_select_feature,
        "mm_projector_type": model_args.mm_projector_type,
        "image_size_aux": model_args.image_size_aux,
        "image_aspect_ratio": data_args.image_aspect_ratio,
        "tune_mm_mlp_adapter": model_args.tune_mm_mlp_adapter,
        "tokenizer_model_max_length": args.model_max_length,
    }
    towers = {"mm_vision_tower": model_args.vision_tower, "mm_vision_tower_aux": model_args.vision_tower_aux}
    for field, folder in towers.items():
        if folder:
            changes[field] = str(Path(folder).absolute())
    config = read_config(model_args.model_name_or_path, **changes)
    resolve_towers(config, model_args.model_name_or_path)
    return config


def weights_dtype(args: TrainingArguments) -> torch.dtype:
    """bf16 weights with DeepSpeed, which keeps a float32 copy of what it trains; float32 otherwise."""
    return torch.bfloat16 if args.bf16 and args.deepspeed else torch.float32


def resolved(model_args: ModelArguments, data_args: DataArguments, args: TrainingArguments) -> dict[str, Any]:
    """All settings as they will be used, as JSON has them."""
    values = {**dataclasses.asdict(model_args), **dataclasses.asdict(data_args), **args.to_dict()}
    values["world_size"] = args.world_size
    return json.loads(json.dumps(values, default=str))


def make_order(args: TrainingArguments, dataset: ConversationDataset) -> GlobalOrder:
    """The order of samples, even over the processes."""
    each_step = args.per_device_train_batch_size * args.world_size
    return GlobalOrder(
        len(dataset),
        args.seed,
        multiple=each_step if args.world_size > 1 else 1,
        lengths=dataset.modality_lengths() if args.group_by_modality_length else None,
        global_batch=each_step * args.gradient_accumulation_steps,
    )
