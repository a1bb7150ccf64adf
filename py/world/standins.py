"""The five stand-ins, untrained: the true architectures at tiny sizes; ``BUILDERS[name]()`` makes one."""

import timm
from torch import nn
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    BlipConfig,
    BlipForImageTextRetrieval,
    CLIPConfig,
    CLIPModel,
    GemmaConfig,
    GemmaForCausalLM,
)

from world.bpe import BERT_POSITIONS, bert_tokenizer, clip_tokenizer, gemma_tokenizer, opt_tokenizer
from world.render import SIZE
from world.shipped import BLIP2, CLIP, CONVNEXT, GEMMA, ITM

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # CLIP's, for all
CLIP_SIZE = 48
QUERIES = 8  # of BLIP-2's Q-Former: one per sign and one per thing


def build_gemma() -> GemmaForCausalLM:
    """Gemma, 3 layers of width 128, where an initial standard deviation of 0.02 would be far too small."""
    config = GemmaConfig(
        vocab_size=len(gemma_tokenizer()),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        max_position_embeddings=2048,
        hidden_act="gelu_pytorch_tanh",
        initializer_range=0.08,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    return GemmaForCausalLM(config)


def build_clip() -> CLIPModel:
    """CLIP: 4 × 4 patches of 12 px; the end-of-text id must not be 2, which means the legacy pooling."""
    tokenizer = clip_tokenizer()
    tower = {
        "hidden_size": 64,
        "intermediate_size": 192,
        "num_attention_heads": 4,
        "projection_dim": 96,
        "hidden_act": "quick_gelu",
    }
    vision = {**tower, "num_hidden_layers": 4, "image_size": CLIP_SIZE, "patch_size": 12}
    text = {
        **tower,
        "num_hidden_layers": 3,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 64,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return CLIPModel(CLIPConfig(vision_config=vision, text_config=text, projection_dim=96))


def build_convnext() -> nn.Module:
    """timm's ``test_convnext`` without a head; its layer scale must start at 1 to train in few steps."""
    return timm.create_model("test_convnext", pretrained=False, num_classes=0, ls_init_value=1.0)


def build_blip2() -> Blip2ForConditionalGeneration:
    """BLIP-2 with OPT: 8 × 8 patches of 12 px, one query per slot of the image."""
    words = len(opt_tokenizer())
    part = {"hidden_size": 64, "num_attention_heads": 4, "initializer_range": 0.08}
    vision = {**part, "intermediate_size": 192, "num_hidden_layers": 3, "image_size": SIZE, "patch_size": 12}
    qformer = {
        **part,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "cross_attention_frequency": 1,
        "vocab_size": 8,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    config = Blip2Config(
        vision_config=vision,
        qformer_config=qformer,
        text_config=_opt_config(words + 1),
        num_query_tokens=QUERIES,
        image_token_index=words,
        initializer_range=0.08,
    )
    return Blip2ForConditionalGeneration(config)


def _opt_config(vocab_size: int) -> dict:
    return {
        "model_type": "opt",
        "hidden_size": 96,
        "ffn_dim": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "word_embed_proj_dim": 96,
        "vocab_size": vocab_size,
        "max_position_embeddings": 512,
        "dropout": 0.0,
        "init_std": 0.08,
    }


def build_itm() -> BlipForImageTextRetrieval:
    """BLIP's matching model: 8 × 8 patches of 12 px; its vision part starts at 1e-10 if not told otherwise.

    The projections of its other score, the cosine of ``use_itm_head=False``, are there but never trained.
    """
    tokenizer = bert_tokenizer()
    part = {"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3, "initializer_range": 0.08}
    vision = {**part, "intermediate_size": 192, "image_size": SIZE, "patch_size": 12}
    text = {
        **part,
        "intermediate_size": 128,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": BERT_POSITIONS,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "sep_token_id": tokenizer.sep_token_id,
    }
    config = BlipConfig(
        vision_config=vision, text_config=text, image_text_hidden_size=16, initializer_range=0.08
    )
    return BlipForImageTextRetrieval(config)


BUILDERS = {
    GEMMA: build_gemma,
    CLIP: build_clip,
    CONVNEXT: build_convnext,
    BLIP2: build_blip2,
    ITM: build_itm,
}
