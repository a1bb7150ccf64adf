"""One training run from flags to outputs: check everything, build, train, save."""

from collections.abc import Callable

import torch

from errors import BadInput
from mgm.activations import keep
from mgm.checkpoint import load_base, load_processor, load_tokenizer
from mgm.collator import Collator
from mgm.config import MGMConfig
from mgm.data import ConversationDataset
from mgm.features import FeatureCache, open_features
from mgm.model import MGMGemmaForCausalLM
from mgm.training.arguments import DataArguments, ModelArguments, TrainingArguments
from mgm.training.check_data import check_dataset
from mgm.training.fingerprint import run_identity
from mgm.training.order import GlobalOrder
from mgm.training.output import finish, open_output
from mgm.training.preflight import preflight
from mgm.training.settings import make_config, resolved, weights_dtype
from mgm.training.trainable import set_trainable
from mgm.training.trainer import MGMTrainer
from mgm.vision_tower import vision_config


def run(
    model_args: ModelArguments, data_args: DataArguments, args: TrainingArguments, first: bool, say: Callable
) -> None:
    """Train one stage. ``first``: this process writes; ``say`` takes lines for the user."""
    if args.dataloader_num_workers:
        torch.multiprocessing.Lock()  # without /dev/shm: fails here, not in a loader that is half made
    config = make_config(model_args, data_args, args)
    dataset = load_samples(config, model_args, data_args, args)
    settings = resolved(model_args, data_args, args)
    model, flop = make_model(config, model_args, args, dataset, say)
    llm, adapter = model_args.model_name_or_path, model_args.pretrain_mm_mlp_adapter
    identity = run_identity(settings, config, llm, adapter, dataset)
    checkpoint = open_output(args, identity, settings, first, say)
    features = open_cache(data_args, args, model, dataset, say)
    dataset.decodes = features is None
    trainer = MGMTrainer(
        order=make_order(args, dataset),
        fingerprint=identity["fingerprint"],
        stage=model_args.stage,
        model=model,
        args=args,
        train_dataset=dataset,
        data_collator=Collator(dataset.tokenizer.pad_token_id, features),
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if features:
        say(features.summary())
    finish(trainer, model_args, flop)
    # Else a gloo thread that still holds a tensor aborts the process at exit (pytorch/pytorch#179291).
    trainer.accelerator.end_training()


def load_samples(
    config: MGMConfig, model_args: ModelArguments, data_args: DataArguments, args: TrainingArguments
) -> ConversationDataset:
    """All samples, each of them checked; raises `BadInput` for those that cannot be trained on."""
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
    return dataset


def make_model(
    config: MGMConfig,
    model_args: ModelArguments,
    args: TrainingArguments,
    dataset: ConversationDataset,
    say: Callable,
) -> tuple[MGMGemmaForCausalLM, int]:
    """The model, with what is trained and what layers keep for the backward chosen; the run's operations."""
    llm, adapter = model_args.model_name_or_path, model_args.pretrain_mm_mlp_adapter
    model = load_base(config, llm, adapter, weights_dtype(args), args.seed)
    say(f"{model_args.stage}: {set_trainable(model, model_args.tune_mm_mlp_adapter)}")
    kept, flop = preflight(config, model_args.tune_mm_mlp_adapter, args, dataset, say)
    keep(model, kept)
    args.activation_checkpointing = args.gradient_checkpointing = False  # the Trainer's own switch
    return model, flop


def open_cache(
    data_args: DataArguments,
    args: TrainingArguments,
    model: MGMGemmaForCausalLM,
    dataset: ConversationDataset,
    say: Callable,
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
