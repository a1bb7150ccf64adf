import json

from data_juicer.ops.base_op import OPERATORS, TAGGING_OPS, Mapper
from data_juicer.utils.constant import Fields

import records

from .answers import Answers
from .blip2 import Blip2
from .captions import caption_fault
from .images import Pictures

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
        self.max_words = max_words
        self.keep_boilerplate = keep_boilerplate
        self.candidates = candidates
        self.where, self.where_max = where, where_max
        sampling = {"temperature": temperature, "top_p": top_p, "random_seed": random_seed}
        self.blip2 = Blip2(self, hf_blip2, prompt, max_new_tokens, sampling, store, model_batch_size)

    def questions(self, samples: dict) -> list[tuple[Answers, list[bytes]]]:
        """What would be asked for ``samples``, for `make store`."""
        return self.blip2.questions(Pictures.of(samples, self.image_key), self.candidates)

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
        pictures = Pictures.of(samples, self.image_key).pick(asked)
        found = self.blip2.candidates_of(pictures, self.candidates, rank)
        for row, candidates in zip(asked, found, strict=True):
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
