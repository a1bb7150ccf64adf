"""The shipped stand-ins: unchanged files, official folders, and each does its job on fresh images."""

import math
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import torch
from torch.nn.functional import normalize
from transformers import (
    AutoImageProcessor,
    AutoProcessor,
    AutoTokenizer,
    Blip2ForConditionalGeneration,
    BlipForImageTextRetrieval,
    CLIPModel,
    GemmaForCausalLM,
)

from world.bpe import BERT_POSITIONS, bert_tokenizer, clip_tokenizer, gemma_tokenizer, opt_tokenizer
from world.captions import BOILERPLATE, facts_right, spoil, true_caption
from world.manifest import check_hashes
from world.render import render
from world.scene import COLOURS, SHAPES, WORDS
from world.shipped import BLIP2, CLIP, CONVNEXT, GEMMA, ITM, NAMES
from world.soft_prefix import Encoder, accuracy
from world.standins import BUILDERS
from world.train_convnext import patch_means, stage_features
from world.vision_data import draw, patch_slots, pixels, slot_labels
from world.word_labels import NO_FACT, fact_places, word_labels

WORLD = Path(__file__).parents[2] / "py" / "world"
ODD_TEXTS = ("Café — naïve 图 🙂 x", "4 member members of taeja, the water & the sun", "  two  spaces\nline")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, WORLD / "make_models.py", "--output", folder], check=True, timeout=120)
    return folder


def test_shipped_files_are_those_of_the_manifest_and_small() -> None:
    assert check_hashes(WORLD / "weights") == []
    sizes = [path.stat().st_size for path in (WORLD / "weights").rglob("*") if path.is_file()]
    assert sum(sizes) < 6e6 and max(sizes) < 2e6


def test_changed_weights_are_refused_with_their_path(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    subprocess.run(["cp", "-r", WORLD / "weights", weights], check=True)
    (weights / GEMMA / "config.json").write_text("{}")
    command = [
        sys.executable,
        WORLD / "make_models.py",
        "--weights",
        weights,
        "--output",
        tmp_path / "models",
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 1 and f"{GEMMA}/config.json" in run.stderr and "Traceback" not in run.stderr
    assert not (tmp_path / "models").exists()


def test_folders_have_the_official_files(models: Path) -> None:
    wanted = {
        GEMMA: {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
                "special_tokens_map.json", "model.safetensors", "model.safetensors.index.json"},
        CLIP: {"config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"},
        CONVNEXT: {"open_clip_config.json", "open_clip_pytorch_model.bin"},
        BLIP2: {"config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"},
        ITM: {"config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json",
              "model.safetensors"},
    }  # fmt: skip
    assert {path.name for path in models.iterdir()} == set(NAMES)
    for name, files in wanted.items():
        assert files <= {path.name for path in (models / name).iterdir()}
    trunk = torch.load(models / CONVNEXT / "open_clip_pytorch_model.bin", weights_only=True)
    assert all(
        key.startswith("visual.trunk.") and value.dtype == torch.float32 for key, value in trunk.items()
    )


@pytest.mark.parametrize("text", [*ODD_TEXTS, true_caption(draw("test/text", 0, 1)[0])])
def test_any_text_passes_through_the_tokenizers(text: str) -> None:
    for tokenizer in (gemma_tokenizer(), opt_tokenizer()):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text
    for tokenizer in (clip_tokenizer(), bert_tokenizer()):  # these lower case and spaces by design
        assert tokenizer.unk_token_id not in tokenizer(text, add_special_tokens=False)["input_ids"]


def test_each_word_of_a_caption_is_one_token() -> None:
    caption = "top left red lamp sign above blue star"
    assert len(gemma_tokenizer()(caption, add_special_tokens=False)["input_ids"]) == 8
    assert len(clip_tokenizer()(caption, add_special_tokens=False)["input_ids"]) == 8
    assert len(bert_tokenizer()(caption, add_special_tokens=False)["input_ids"]) == 8


def test_gemma_reads_soft_prefixes(models: Path) -> None:
    model = GemmaForCausalLM.from_pretrained(models / GEMMA).eval()
    tokenizer = AutoTokenizer.from_pretrained(models / GEMMA)
    ids = (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id)
    assert ids == (0, 1, 2) and model.lm_head.weight is model.model.embed_tokens.weight
    right = accuracy(model, Encoder(tokenizer), "test/gemma", 100)
    assert right["caption"] > 0.9 and right["reading"] > 0.9 and right["choice"] > 0.6


def test_captioner_names_the_facts(models: Path) -> None:
    model, processor = (
        Blip2ForConditionalGeneration.from_pretrained(models / BLIP2).eval(),
        AutoProcessor.from_pretrained(models / BLIP2),
    )
    scenes = draw("test/blip2", 0, 100)
    inputs = processor(images=[render(scene) for scene in scenes], return_tensors="pt")
    ids = model.generate(**inputs, max_new_tokens=48, do_sample=False)
    texts = processor.batch_decode(ids, skip_special_tokens=True)
    true = [true_caption(scene) for scene in scenes]
    assert sum(facts_right(text.strip(), truth) for text, truth in zip(texts, true, strict=True)) > 97


def test_similarity_prefers_the_right_caption(models: Path) -> None:
    model, processor = (
        CLIPModel.from_pretrained(models / CLIP).eval(),
        AutoProcessor.from_pretrained(models / CLIP),
    )
    scenes, rng = draw("test/clip", 0, 100), Random(1)
    right, spoiled = (
        [true_caption(scene) for scene in scenes],
        [true_caption(spoil(scene, rng)) for scene in scenes],
    )
    inputs = processor(
        images=[render(scene) for scene in scenes], text=right + spoiled, padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        out = model(**inputs)
    assert model.logit_scale.item() == pytest.approx(math.log(100), abs=1e-3)  # logits / 100 are cosines
    cosine = normalize(out.image_embeds, dim=-1) @ normalize(out.text_embeds, dim=-1).T
    good, bad = cosine[:, :100].diagonal(), cosine[:, 100:].diagonal()
    assert (cosine[:, :100].argmax(1) == torch.arange(100)).float().mean() > 0.97
    assert (good[:, None] > bad[None]).float().mean() > 0.9


def matching(models: Path, images: list, texts: list[str]) -> torch.Tensor:
    model = BlipForImageTextRetrieval.from_pretrained(models / ITM).eval()
    tokens = AutoTokenizer.from_pretrained(models / ITM)(texts, padding=True, return_tensors="pt")
    pixel_values = AutoImageProcessor.from_pretrained(models / ITM)(images, return_tensors="pt").pixel_values
    with torch.no_grad():
        logits = model(
            input_ids=tokens.input_ids,
            pixel_values=pixel_values,
            attention_mask=tokens.attention_mask,
            use_itm_head=True,
        ).itm_score
    return logits.softmax(-1)[:, 1]


def test_matching_scores_right_captions_above_wrong_ones(models: Path) -> None:
    scenes, rng = draw("test/itm", 0, 60), Random(1)
    images, right = [render(scene) for scene in scenes], [true_caption(scene) for scene in scenes]
    good = matching(models, images, right)
    assert (good > 0.5).float().mean() > 0.9
    wrong = {
        "spoiled": ([true_caption(spoil(scene, rng)) for scene in scenes], 0.95),
        "other": (right[1:] + right[:1], 0.99),
        "boilerplate": ([rng.choice(BOILERPLATE) for _ in scenes], 0.99),
        "real": ([rng.choice(ODD_TEXTS) for _ in scenes], 0.99),
        "empty": ([""] * 60, 0.99),
    }
    for kind, (texts, least) in wrong.items():
        low = matching(models, images, texts)
        assert (good[:, None] > low[None]).float().mean() > least, kind


def test_matching_tokenizer_frames_a_text_and_fits_the_model(models: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models / ITM)
    text = BlipForImageTextRetrieval.from_pretrained(models / ITM).config.text_config
    pair = tokenizer(["top", "top left red"], padding=True)
    assert [tokenizer.convert_ids_to_tokens(ids) for ids in pair["input_ids"]] == [
        ["[CLS]", "top", "[SEP]", "[PAD]", "[PAD]"],
        ["[CLS]", "top", "left", "red", "[SEP]"],
    ]
    assert pair["attention_mask"] == [[1, 1, 1, 0, 0], [1] * 5]
    assert (len(tokenizer), tokenizer.pad_token_id) == (text.vocab_size, text.pad_token_id)
    assert tokenizer.model_max_length == text.max_position_embeddings == BERT_POSITIONS
    for odd in ODD_TEXTS:
        assert tokenizer(odd).input_ids == bert_tokenizer()(odd).input_ids
    assert tokenizer.decode(tokenizer("Café, naïve").input_ids, skip_special_tokens=True) == "cafe, naive"


def test_labels_of_a_captions_words_lie_on_the_facts_it_names() -> None:
    tokenizer, scenes = bert_tokenizer(), draw("test/itm/labels", 0, 20)
    for scene in scenes:
        words = tokenizer.convert_ids_to_tokens(tokenizer(true_caption(scene)).input_ids)
        named = [word for word, at in zip(words, fact_places(scene), strict=True) if at != NO_FACT]
        assert set(named[::2]) <= set(COLOURS) and set(named[1::2]) <= {*WORDS, *SHAPES}
        assert len(named) == 2 * (len(scene.signs()) + len(scene.things()))
    told, length = scenes[:1], len(fact_places(scenes[0]))
    said = torch.tensor([fact_places(scenes[0])]) != NO_FACT
    assert torch.equal(word_labels(told, told, length)[1] == 1, said)
    assert (word_labels([spoil(scenes[0], Random(2))], told, length)[1] == 0).any()


def test_high_resolution_features_tell_words_apart(models: Path) -> None:
    stored = torch.load(models / CONVNEXT / "open_clip_pytorch_model.bin", weights_only=True)
    trunk = BUILDERS[CONVNEXT]().eval()
    trunk.load_state_dict({key.removeprefix("visual.trunk."): value for key, value in stored.items()})
    scenes = draw("test/convnext", 0, 240)
    with torch.no_grad():
        means = patch_means(stage_features(trunk, pixels(scenes)))
    labels = slot_labels(scenes)[:, patch_slots(), 1]
    sign = (patch_slots() < 4)[None].expand_as(labels) & (labels > 0)
    train = sign & (torch.arange(240) < 200)[:, None]
    target = torch.nn.functional.one_hot(labels[train], 25).float()
    fit = torch.linalg.lstsq(means[train], target).solution  # a linear reading of the 24 words
    test = sign & ~train
    assert ((means[test] @ fit).argmax(-1) == labels[test]).float().mean() > 0.9
