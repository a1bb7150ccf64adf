import re

from data_juicer.ops.base_op import OPERATORS, TAGGING_OPS, Mapper
from data_juicer.utils.constant import Fields
from data_juicer.utils.model_utils import get_model

import records

from .models import fixed_batches, load_image, model_key

OP_NAME = "blip2_caption_mapper"

# One to four words three times in a row ("caste caste caste", "a man in a man in a man in"), or a few
# characters five times ("ilkilkilkilkilk").
REPEATS = re.compile(r"\b(\w+(?:\W+\w+){0,3})(?:\W+\1\b){2}|(\w.{1,9}?)\2{4}", re.IGNORECASE)


def caption_fault(caption: str, prompt: str = "") -> str | None:
    """Why ``caption`` is unusable, in one or two words; None if nothing speaks against it.

    >>> caption_fault("a red cube and a red cube and a red cube")
    'repeats'
    """
    if not re.search(r"\w", caption):
        return "empty"
    if prompt.strip() and caption.lower().startswith(prompt.strip().lower()):
        return "echoes the prompt"
    if REPEATS.search(caption):
        return "repeats"
    if "\ufffd" in caption:
        return "broken characters"
    if any(token in caption for token in (records.IMAGE_TOKEN, records.LLAVA_IMAGE_TOKEN, records.EOC_TOKEN)):
        return "special token"
    return None


@TAGGING_OPS.register_module(OP_NAME)
@OPERATORS.register_module(OP_NAME)
class Blip2CaptionMapper(Mapper):
    """Replaces each record's caption by BLIP-2's for its image: greedy, batched, without gradients.

    A caption that is empty, repeats itself or echoes the prompt is rejected, and the record keeps the one it
    has. The meta field `caption_check` says "ok" or the reason. The captions are the same for any batch size
    and order.
    """

    _accelerator = "cuda"
    _batched_op = True

    def __init__(
        self,
        hf_blip2: str = "Salesforce/blip2-opt-2.7b",
        prompt: str = "",
        max_new_tokens: int = 64,
        model_batch_size: int = 32,
        *args,
        **kwargs,
    ):
        """
        :param hf_blip2: folder of a Blip2ForConditionalGeneration with its tokenizer and image processor.
        :param prompt: text that the caption continues; empty for none.
        :param max_new_tokens: where a caption that doesn't end is cut.
        :param model_batch_size: images per forward; every forward has this many, the last is filled up.
        """
        super().__init__(*args, **kwargs)
        self.prompt = prompt
        self.max_new_tokens = max_new_tokens
        self.model_batch_size = model_batch_size
        self.model_key = model_key("Blip2ForConditionalGeneration", hf_blip2)

    def captions(self, images: list, rank: int | None = None) -> list[str]:
        """Caption ``images`` (PIL, RGB) in one forward pass and greedy decoding."""
        import torch

        model, tokenizer, image_processor = get_model(self.model_key, rank, self.use_cuda())
        prompt_ids = tokenizer(self.prompt, add_special_tokens=False).input_ids if self.prompt else []
        slots = [model.config.image_token_index] * model.config.num_query_tokens
        if slots[0] is None:
            raise records.BadInput("the captioner's config.json has no image_token_index; take a newer one")
        start = [*slots, model.config.text_config.bos_token_id, *prompt_ids]
        prefix = torch.tensor([start], device=model.device)
        pixels = image_processor(images=images, return_tensors="pt").pixel_values
        with torch.no_grad():
            ids = model.generate(
                pixel_values=pixels.to(model.device, model.dtype),  # (B, 3, H, W)
                input_ids=prefix.expand(len(images), -1),  # (B, L)
                do_sample=False,
                num_beams=1,
                max_new_tokens=self.max_new_tokens,
            )
        texts = tokenizer.batch_decode(ids[:, prefix.shape[1] :], skip_special_tokens=True)
        return [" ".join(text.split()) for text in texts]

    def process_batched(self, samples, rank=None):
        ids, paths = samples["id"], samples[self.image_key]
        for rows, count in fixed_batches(range(len(ids)), self.model_batch_size):
            images = [load_image(paths[row][0], ids[row]) for row in rows]
            for row, caption in list(zip(rows, self.captions(images, rank), strict=True))[:count]:
                fault = caption_fault(caption, self.prompt)
                samples[Fields.meta][row]["caption_check"] = fault or "ok"
                if fault is None:
                    samples[self.text_key][row] = records.text_of(caption)
        return samples
