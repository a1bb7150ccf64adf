"""The world's words: texts that hold all of them, and captions that say nothing with them."""

from functools import cache
from random import Random

from world.captions import BOILERPLATE, true_caption
from world.questions import DESCRIBE, ask_choice, ask_reading
from world.scene import COLOURS, SHAPES, WORDS, sample_scene


@cache
def world_texts() -> tuple[str, ...]:
    """Texts that hold every word of the world."""
    texts = [*BOILERPLATE, *DESCRIBE, *COLOURS, *SHAPES, *WORDS, "user", "model"]
    for index in range(2000):
        rng = Random(f"words/{index}")
        scene = sample_scene(rng)
        reading, choice = ask_reading(scene, rng), ask_choice(scene, rng)
        texts += [true_caption(scene), reading.prompt(), choice.prompt(), choice.reply()]
    return tuple(texts)


def random_words(rng: Random) -> str:
    """A caption of nothing: words in no order."""
    words = " ".join(rng.sample(world_texts(), 3)).split()
    return " ".join(rng.sample(words, rng.randint(4, min(24, len(words)))))
