"""How long samples are, and whether there is anything to learn from them: by the training's own check."""

import sys
from pathlib import Path
from typing import Any

from errors import BadInput
from mgm.conversation import rounds
from mgm.data import ConversationDataset
from mgm.training.check_data import fault_of


class Samples(ConversationDataset):
    """Some entries of a LLaVA file, as the training has all; without ``tokenizer`` only their form."""

    def __init__(self, path: Path, entries: list, tokenizer: Any, cut_to: tuple[int, int] | None) -> None:
        self.path, self.image_folder, self.records = path, path.parent, entries
        self.tokenizer, self.processor, self.cut_to, self.cut = tokenizer, None, cut_to, set()
        self.encoded = [None] * len(entries)


class Ruler:
    """Measures samples against ``max_length`` tokens, of which an image takes ``patches``."""

    def __init__(self, llm: Path, vision_tower: Path, max_length: int, cut: bool) -> None:
        from mgm.checkpoint import load_tokenizer
        from mgm.vision_tower import vision_config

        # Without a limit of its own the tokenizer does not warn of what is named here.
        self.tokenizer, clip = load_tokenizer(llm, sys.maxsize), vision_config(vision_tower)
        self.patches, self.max_length = (clip.image_size // clip.patch_size) ** 2, max_length
        self.cut_to = (max_length - self.patches + 1, max_length) if cut else None

    def fault(self, path: Path, entry: Any) -> tuple[str | None, str | None]:
        """(what is wrong with a sample, a warning where it is cut)."""
        one = Samples(path, [entry], self.tokenizer, self.cut_to)
        fault = fault_of(one, 0, self.patches, self.max_length, decode=False)
        cut = f"it is cut to {self.max_length} tokens; shorten it to keep its end" if one.cut else None
        return fault, None if fault else cut

    def tokens(self, text: str) -> int:
        """Tokens of ``text``."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def form_fault(path: Path, entry: Any) -> str | None:
    """What is wrong with the form of a sample, where no tokenizer is there to measure it."""
    if not isinstance(entry, dict):
        return "not a JSON object; correct the record"
    try:
        rounds(entry.get("conversations"), "image" in entry)
        Samples(path, [entry], None, None).image_path(0)
    except BadInput as error:
        return str(error)
    return None
