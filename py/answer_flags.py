"""The flags of both answer scripts, and what ``auto`` stands for."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from errors import BadInput

LESS_MEMORY = "lower EVAL_BATCH_SIZE, or NUM_GPUS where there is no GPU"


def add_flags(parser: ArgumentParser, max_new_tokens: int) -> None:
    """The flags that both answer scripts take, under the kit's names where it has them."""
    parser.add_argument("--model_path", type=Path, required=True, help="the finetuned checkpoint's folder")
    for flag in ("--vision_tower", "--vision_tower_aux"):
        parser.add_argument(flag, type=Path, help="the tower's folder; default: as config.json says")
    parser.add_argument("--question_file", type=Path, required=True, help="all of the test's questions")
    parser.add_argument("--answers_file", type=Path, required=True, help="the .jsonl to write")
    parser.add_argument(
        "--num_chunks", type=int, default=1, help="runs that share the questions (default: 1)"
    )
    parser.add_argument("--chunk_idx", type=int, default=0, help="which share (default: 0, the first)")
    parser.add_argument("--batch_size", type=int, default=16, help="at once (default: 16, official: 1)")
    parser.add_argument(
        "--max_new_tokens", type=int, default=max_new_tokens, help="longest answer (official: %(default)s)"
    )
    parser.add_argument(
        "--dtype",
        choices=("auto", "float32", "float16", "bfloat16"),
        default="auto",
        help="default: auto, float16 on a GPU, as the official evaluation, and float32 on the CPU",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 … (default: auto, a GPU if any)")
    parser.add_argument("--feature_cache", type=Path, help="folder of the towers' features (default: none)")
    parser.add_argument("--feature_cache_gb", type=float, default=2, help="most GB in it (default: 2)")
    parser.add_argument(
        "--blank_image",
        action="store_true",
        help="a uniform image (default: the true one): the text-only control",
    )


def resolve(args: Namespace) -> None:
    """Check the numbers; replace ``auto`` in ``args.device`` and ``args.dtype`` by what it stands for."""
    for name in ("batch_size", "max_new_tokens", "num_chunks"):
        if getattr(args, name) < 1:
            raise BadInput(f"--{name} {getattr(args, name)}: must be at least 1")
    if not args.feature_cache_gb >= 0:
        raise BadInput(f"--feature_cache_gb {args.feature_cache_gb}: must be at least 0")
    if args.device == "auto":
        import torch

        args.device = "cuda" if torch.cuda.is_available() else "cpu"
    if args.dtype == "auto":
        args.dtype = "float32" if args.device == "cpu" else "float16"
