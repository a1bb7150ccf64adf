"""The stand-ins' names, and a stored one turned into the official layout: float32, official file names.

Apart from the architectures (standins.py), whose libraries take seconds to import.
"""

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

GEMMA = "gemma-2b-it"
CLIP = "clip-vit-large-patch14-336"
CONVNEXT = "openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup"
BLIP2 = "blip2-opt-2.7b"
ITM = "blip-itm-base-coco"
NAMES = (GEMMA, CLIP, CONVNEXT, BLIP2, ITM)


def restore(name: str, shipped: Path, folder: Path) -> None:
    """Turn a stored folder into the official layout: float32, and OpenCLIP's weights in its own ``.bin``."""
    shutil.copytree(shipped, folder)
    weights = {key: value.float() for key, value in load_file(shipped / "model.safetensors").items()}
    if name == CONVNEXT:
        (folder / "model.safetensors").unlink()
        torch.save(weights, folder / "open_clip_pytorch_model.bin")
    else:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
