import json

from data_juicer.ops.base_op import OPERATORS, TAGGING_OPS, Mapper
from data_juicer.utils.constant import Fields
from data_juicer.utils.model_utils import get_model

import records
from errors import BadInput
from store import key_of

from .captions import built_in_picture, caption_fault, seeded_sampling
from .models import Answers, ModelKey, Pictures, dtype_name

OP_NAME = "blip2_caption_mapper"
UNKNOWN = "\0"  # a caption that is still to be made


@TAGGING_OPS.register_module(OP_NAME)
@OPERATORS.register_module(OP_NAME)
class Blip2CaptionMapper(Mapper):
    """Replaces each record's caption by BLIP-2's for its image: batched, greedy or sampled, from the store.

    A caption that is empty, repeats itself, echoes the prompt, is boilerplate or too long is rejected; if all
    candidates are, the record keeps the caption it has. The meta field `caption_check` says "ok", "not asked"
    or the reason, `caption_rejected` what was said, `caption_before` what stood there. Of several candidates
    the first usable one is taken, and `caption_candidates` (JSON) holds all, for `clip_best_caption_mapper`.
    The captions are the same for any batch size, order and number of workers: samples are seeded by the
    record's id.
    """

    _accelerator = "cuda"
    _batched_op = True

    def __init__(
        self,
        hf_blip2: str = "Salesforce/blip2-opt-2.7b",
        prompt: str = "",
        max_new_tokens: int = 64,
        max_words: int = 40,
        keep_boilerplate: bool = False,
        candidates: int = 1,
        temperature: float = 1.0,
        top_p: float = 0.9,
        random_seed: int = 1024,
        where: str = "",
        where_max: float = 1.0,
        model_batch_size: int = 32,
        store: str = "",
        *args,
        **kwargs,
    ):
        """
        :param hf_blip2: folder of a Blip2ForConditionalGeneration with its tokenizer and image processor.
        :param prompt: text that the caption continues; empty for none.
        :param max_new_tokens: where a caption that doesn't end is cut, and rejected.
        :param max_words: longer captions are rejected.
        :param keep_boilerplate: don't reject captions that speak of stock photos and the like.
        :param candidates: captions per image: the first is the greedy one, the others are sampled.
        :param temperature: of the sampling.
        :param top_p: share of the probability that is sampled from, the likeliest tokens first.
        :param random_seed: of the sampling.
        :param where: a statistic: caption only records with at most ``where_max`` of it; empty: all.
        :param where_max: see ``where``.
        :param model_batch_size: images per forward; every forward has this many, the last is filled up.
        :param store: path of the store of answers; empty: compute all.
        """
        super().__init__(*args, **kwargs)
        self.prompt = prompt
        self.max_new_tokens = max_new_tokens
        self.max_words = max_words
        self.keep_boilerplate = keep_boilerplate
        self.candidates = candidates
        self.sampling = {"temperature": temperature, "top_p": top_p, "random_seed": random_seed}
        self.where, self.where_max = where, where_max
        self.hf_blip2 = hf_blip2
        self.model_key = ModelKey("Blip2ForConditionalGeneration", hf_blip2)
        self.checked = False
        ask = {
            "ask": "caption",
            "prompt": prompt,
            "max_new_tokens": max_new_tokens,
            "dtype": dtype_name(self),
        }
        self.greedy = Answers(hf_blip2, store, model_batch_size, **ask)
        self.sampled = Answers(hf_blip2, store, model_batch_size, **ask, **self.sampling)

    def generate(self, images: list, rank: int | None = None, names: list[str] | None = None) -> list[tuple]:
        """Caption ``images`` (PIL, RGB) in one forward pass; (caption, whether it ended) for each.

        :param names: what seeds each image's sample; None: greedy.
        """
        import torch

        model, tokenizer, image_processor = get_model(self.model_key, rank, self.use_cuda())
        prompt_ids = tokenizer(self.prompt, add_special_tokens=False).input_ids if self.prompt else []
        slots = [model.config.image_token_index] * model.config.num_query_tokens
        if slots[0] is None:
            raise BadInput("the captioner's config.json has no image_token_index; take a newer one")
        start = [*slots, model.config.text_config.bos_token_id, *prompt_ids]
        prefix = torch.tensor([start], device=model.device)
        pixels = image_processor(images=images, return_tensors="pt").pixel_values
        sampling = (
            [seeded_sampling(names, self.sampling["temperature"], self.sampling["top_p"])] if names else []
        )
        with torch.no_grad():
            ids = model.generate(
                pixel_values=pixels.to(model.device, model.dtype),  # (B, 3, H, W)
                input_ids=prefix.expand(len(images), -1),  # (B, L)
                do_sample=False,
                num_beams=1,
                max_new_tokens=self.max_new_tokens,
                logits_processor=sampling,
            )[:, prefix.shape[1] :]
        texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
        end = torch.tensor(model.generation_config.eos_token_id, device=ids.device)
        ended = torch.isin(ids, end).any(1).tolist()
        return [(" ".join(text.split()), end) for text, end in zip(texts, ended, strict=True)]

    def check_model(self, rank: int | None) -> None:
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

    def questions(self, samples: dict) -> list[tuple[Answers, list[bytes]]]:
        """What would be asked for ``samples``, for `make store`."""
        pictures = Pictures.of(samples, self.image_key)
        numbers = range(self.candidates)
        return [
            (self.sampled if number else self.greedy, self.keys_of(pictures, number)) for number in numbers
        ]

    def take_known(self, samples: dict) -> None:
        """Caption in place what the store alone can answer, else UNKNOWN, for `make store`."""
        lacking = {row for answers, keys in self.questions(samples) for row in answers.lacking(keys)}
        for row, (stats, meta) in enumerate(zip(samples[Fields.stats], samples[Fields.meta], strict=True)):
            stats.setdefault(self.where, 0.0)
            meta["caption_candidates"] = "[]"
            if row in lacking:
                samples[self.text_key][row] = records.text_of(UNKNOWN)
        known = [row for row in range(len(samples["id"])) if row not in lacking]
        some = {key: [values[row] for row in known] for key, values in samples.items()}
        for row, text in zip(known, self.process_batched(some)[self.text_key], strict=True):
            samples[self.text_key][row] = text

    def candidates_of(self, samples: dict, rows: list[int], rank: int | None) -> list[list[tuple]]:
        """The candidates (caption, whether it ended) of each of ``rows``, the greedy one first."""
        pictures = Pictures.of(samples, self.image_key).pick(rows)
        number = 0  # of the candidate, below

        def compute(some: list[int]) -> list[tuple]:
            self.check_model(rank)
            seed = self.sampling["random_seed"]
            names = [f"{seed}/{pictures.ids[i]}/{number}" for i in some] if number else None
            return self.generate([pictures.load(i) for i in some], rank, names)

        columns = []
        for number in range(self.candidates):
            answers = self.sampled if number else self.greedy
            columns.append(answers(self.keys_of(pictures, number), compute))
        return [list(row) for row in zip(*columns, strict=True)]

    def fault(self, caption: str, ended: bool) -> str | None:
        """Why ``caption`` is rejected, or None."""
        fault = caption_fault(caption, self.prompt, self.max_words, ended)
        return None if fault == "boilerplate" and self.keep_boilerplate else fault

    def process_batched(self, samples, rank=None):
        metas, texts = samples[Fields.meta], samples[self.text_key]
        asked = list(range(len(texts)))
        if self.where:
            asked = [row for row in asked if samples[Fields.stats][row][self.where] <= self.where_max]
        for meta in metas:
            meta |= {"caption_check": "not asked", "caption_rejected": ""}
            meta |= {"caption_before": "", "caption_candidates": "[]"}
        for row, candidates in zip(asked, self.candidates_of(samples, asked, rank), strict=True):
            faults = [self.fault(*candidate) for candidate in candidates]
            usable = list(
                dict.fromkeys(c[0] for c, fault in zip(candidates, faults, strict=True) if not fault)
            )
            metas[row]["caption_check"] = "ok" if usable else faults[0]
            metas[row]["caption_rejected"] = "" if usable else candidates[0][0]
            if usable:
                metas[row]["caption_before"] = records.caption_of(texts[row])
                if len(candidates) > 1:
                    metas[row]["caption_candidates"] = json.dumps(usable, ensure_ascii=False)
                texts[row] = records.text_of(usable[0])
        return samples
