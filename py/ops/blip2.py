"""BLIP-2 for the operator that captions images."""

from functools import partial
from typing import Any

from data_juicer.utils.model_utils import get_model

from errors import BadInput
from store import key_of

from .answers import Answers
from .captions import built_in_picture, caption_fault, seeded_sampling
from .images import Pictures
from .model_loading import ModelKey, dtype_name


class Blip2:
    """A Blip2ForConditionalGeneration with its answers: an image's greedy caption, and samples by record."""

    def __init__(
        self,
        operator: Any,
        hf_blip2: str,
        prompt: str,
        max_new_tokens: int,
        sampling: dict,
        store: str,
        model_batch_size: int,
    ) -> None:
        """
        :param operator: the operator that asks; it decides about the GPU.
        :param hf_blip2: folder of the model with its tokenizer and image processor.
        :param sampling: temperature, top_p and random_seed.
        """
        self.operator, self.hf_blip2 = operator, hf_blip2
        self.prompt, self.max_new_tokens, self.sampling = prompt, max_new_tokens, sampling
        self.model_key = ModelKey("Blip2ForConditionalGeneration", hf_blip2)
        self.checked = False
        ask = {"ask": "caption", "prompt": prompt, "max_new_tokens": max_new_tokens}
        ask["dtype"] = dtype_name(operator)
        self.greedy = Answers(hf_blip2, store, model_batch_size, **ask)
        self.sampled = Answers(hf_blip2, store, model_batch_size, **ask, **sampling)

    def prefix(self, model: Any, tokenizer: Any) -> list[int]:
        """The tokens that a caption continues: slots for the image, the start and the prompt's."""
        prompt_ids = tokenizer(self.prompt, add_special_tokens=False).input_ids if self.prompt else []
        slots = [model.config.image_token_index] * model.config.num_query_tokens
        if slots[0] is None:
            raise BadInput("the captioner's config.json has no image_token_index; take a newer one")
        return [*slots, model.config.text_config.bos_token_id, *prompt_ids]

    def generate(self, images: list, rank: int | None = None, names: list[str] | None = None) -> list[tuple]:
        """Caption ``images`` (PIL, RGB) in one forward pass; (caption, whether it ended) for each.

        :param names: what seeds each image's sample; None: greedy.
        """
        import torch

        model, tokenizer, image_processor = get_model(self.model_key, rank, self.operator.use_cuda())
        prefix = torch.tensor([self.prefix(model, tokenizer)], device=model.device)
        pixels = image_processor(images=images, return_tensors="pt").pixel_values
        temperature, top_p = self.sampling["temperature"], self.sampling["top_p"]
        with torch.no_grad():
            ids = model.generate(
                pixel_values=pixels.to(model.device, model.dtype),  # (B, 3, H, W)
                input_ids=prefix.expand(len(images), -1),  # (B, L)
                do_sample=False,
                num_beams=1,
                max_new_tokens=self.max_new_tokens,
                logits_processor=[seeded_sampling(names, temperature, top_p)] if names else [],
            )[:, prefix.shape[1] :]
        texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
        end = torch.tensor(model.generation_config.eos_token_id, device=ids.device)
        ended = torch.isin(ids, end).any(1).tolist()
        return [(" ".join(text.split()), end) for text, end in zip(texts, ended, strict=True)]

    def check(self, rank: int | None) -> None:
        """Raise `BadInput` unless the model captions a picture at all: broken weights are fluent nowhere."""
        if not self.checked:
            [(caption, _)] = self.generate([built_in_picture()], rank)
            fault = caption_fault(caption, self.prompt, max_words=self.max_new_tokens)
            if fault not in (None, "boilerplate"):
                raise BadInput(
                    f"{self.hf_blip2}: the captioner says '{caption}' ({fault}) of a red disc above a blue "
                    "square: its weights or its configuration are broken; fetch it again"
                )
            self.checked = True

    def keys_of(self, pictures: Pictures, number: int) -> list[bytes]:
        """The questions for candidate ``number``: 0 is the greedy one, of the image alone."""
        if number == 0:
            return [key_of(digest) for digest in pictures.digests]
        pairs = zip(pictures.digests, pictures.ids, strict=True)
        return [key_of(digest, identity, str(number)) for digest, identity in pairs]

    def questions(self, pictures: Pictures, count: int) -> list[tuple[Answers, list[bytes]]]:
        """Who is asked what for each of ``count`` candidates."""
        return [
            (self.sampled if number else self.greedy, self.keys_of(pictures, number))
            for number in range(count)
        ]

    def candidates_of(self, pictures: Pictures, count: int, rank: int | None) -> list[list[tuple]]:
        """``count`` candidates (caption, whether it ended) for each image, the greedy one first."""

        def compute(number: int, rows: list[int]) -> list[tuple]:
            self.check(rank)
            seed = self.sampling["random_seed"]
            names = [f"{seed}/{pictures.ids[row]}/{number}" for row in rows] if number else None
            return self.generate([pictures.load(row) for row in rows], rank, names)

        asked = enumerate(self.questions(pictures, count))
        columns = [answers(keys, partial(compute, number)) for number, (answers, keys) in asked]
        return [list(row) for row in zip(*columns, strict=True)]
