"""Weight files, by their headers alone: whole, and complete against their index."""

import json
import struct
import zipfile
from typing import IO

from errors import BadInput
from submission import rules
from submission.faults import Faults
from submission.tree import Tree

PARTS = ("embed_tokens", "layers.0", "mm_projector", "vlm_uni_query_projector", "vlm_uni_aux_projector")
NEEDED = ("config.json", "tokenizer_config.json")
TOKENIZERS = ("tokenizer.json", "tokenizer.model")


def header_of(tree: Tree, name: str) -> dict[str, dict]:
    """{tensor: dtype, shape, data_offsets} of a safetensors file; raises `BadInput` unless it is whole."""
    with tree.open(name) as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(rules.HEADER_BYTES, tree.size(name)):
            raise BadInput("not a safetensors file; copy it again")
        try:
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            ends = sorted(tuple(entry["data_offsets"]) for entry in header.values())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadInput(f"its header is not readable ({error}); copy the file again") from error
    position = 0
    for begin, end in ends:
        if begin != position or end < begin:
            raise BadInput("its header does not describe it without gaps; write the file again")
        position = end
    if 8 + length + position != tree.size(name):
        raise BadInput(
            f"has {tree.size(name):,} bytes, its header says {8 + length + position:,}; copy the file again"
        )
    return header


def check_adapter(tree: Tree, name: str, faults: Faults) -> None:
    """mm_projector.bin is a whole file of torch.save; what it holds is not unpickled."""
    if name not in tree.files:
        return
    try:
        tree.require(name, rules.ADAPTER_BYTES)
        with tree.open(name) as file:
            _check_torch(file)
    except BadInput as error:
        faults.add(name, str(error))


def _check_torch(file: IO[bytes]) -> None:
    """Raise `BadInput` unless ``file`` is a whole zip of `torch.save`."""
    try:
        with zipfile.ZipFile(file) as parts:
            pickled = any(part.endswith("data.pkl") for part in parts.namelist())
    except (zipfile.BadZipFile, ValueError) as error:
        raise BadInput(f"not a whole file of torch.save ({error}); copy it again") from error
    if not pickled:
        raise BadInput("not a file that torch.save wrote; copy it again")


def check_weights(tree: Tree, folder: str, faults: Faults) -> None:
    """The shards in ``folder``: all there, each whole, together exactly what the index lists."""
    shards = {name.rpartition("/")[2]: name for name in tree.below(folder) if name.endswith(".safetensors")}
    if not shards:
        return
    check_numbers(folder, set(shards), faults)
    held: dict[str, str] = {}
    for shard, name in sorted(shards.items()):
        try:
            header = header_of(tree, name)
        except BadInput as error:
            faults.add(name, str(error))
            continue
        for tensor in header:
            if tensor in held:
                faults.add(name, f"{tensor} is in {held[tensor]} too; write the shards again", group=name)
            held[tensor] = shard
    check_index(tree, f"{folder}/{rules.INDEX}", held, set(shards), faults)
    lacking = [part for part in PARTS if not any(f".{part}." in tensor for tensor in held)]
    if held and lacking:
        faults.add(folder, f"no weights of {', '.join(lacking)}; add the whole finetuned model")
    for name in NEEDED:
        if f"{folder}/{name}" not in tree.files:
            faults.add(f"{folder}/{name}", "missing; the weights cannot be loaded without it, add it")
    if not any(f"{folder}/{name}" in tree.files for name in TOKENIZERS):
        faults.add(f"{folder}/{TOKENIZERS[0]}", "missing; the weights cannot be used without it, add it")


def check_numbers(folder: str, shards: set[str], faults: Faults) -> None:
    """Shards are named model-I-of-N.safetensors, I = 1 … N."""
    numbered = {shard: rules.SHARD.fullmatch(shard) for shard in shards}
    for shard in sorted(shard for shard, match in numbered.items() if not match):
        faults.add(
            f"{folder}/{shard}", "not named model-00001-of-0000N.safetensors; rename it, in the index too"
        )
    totals = {int(match[2]) for match in numbered.values() if match}
    if len(totals) > 1:
        faults.add(folder, f"shards of {len(totals)} models (of {sorted(totals)}); keep those of one")
    for total in totals if len(totals) == 1 else ():
        wanted = {
            f"model-{number:05d}-of-{total:05d}.safetensors" for number in range(1, min(total, 1000) + 1)
        }
        for shard in sorted(wanted - shards):
            faults.add(f"{folder}/{shard}", "missing; add the shard", group=folder)


def check_index(tree: Tree, name: str, held: dict[str, str], shards: set[str], faults: Faults) -> None:
    """The index names exactly the tensors that the shards hold, each in its shard."""
    if name not in tree.files:
        faults.add(name, "missing; the shards cannot be loaded without it, add it")
        return
    try:
        listed = json.loads(tree.read(name, rules.HEADER_BYTES))["weight_map"]
        listed = {str(tensor): str(shard) for tensor, shard in listed.items()}
    except (BadInput, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        faults.add(name, f"not an index of weights ({error}); write it again")
        return
    for shard in sorted(set(listed.values()) - shards):
        faults.add(name, f"lists {shard}, which is missing; add it", group=name)
    for tensor in sorted(set(listed) | set(held)):
        if tensor not in held and listed[tensor] in shards:
            faults.add(name, f"{tensor} is in no shard; write index and shards again", group=name)
        elif tensor not in listed:
            faults.add(name, f"{tensor} of {held[tensor]} is not listed; write the index again", group=name)
        elif tensor in held and listed[tensor] != held[tensor]:
            faults.add(
                name, f"{tensor} is in {held[tensor]}, not {listed[tensor]}; write it again", group=name
            )
