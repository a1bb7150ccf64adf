"""Questions about a scene, asked as the two tests do: TextVQA with OCR tokens, MMBench with options."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from world.scene import COLOURS, PLACES, SHAPES, WORDS, Scene

SHORT_ANSWER = "Answer the question using a single word or phrase."
LETTER_ANSWER = "Answer with the option's letter from the given choices directly."
DESCRIBE = (
    "Write a terse but informative summary of the picture.",
    "Present a compact description of the photo's key features.",
    "Share a concise interpretation of the image provided.",
    "What is in the photo?",
    "Give a brief description of the image.",
    "Provide a brief description of the given image.",
    "Summarize the visual content of the image.",
    "Describe the image concisely.",
    "Render a clear and concise summary of the photo.",
    "What is this?",
    "Give a short and clear explanation of the subsequent image.",
)  # the eleven of the official stage_1.json


@dataclass(frozen=True)
class ReadingQuestion:
    """A TextVQA question: ``ocr_tokens`` holds the image's words and decoys, in any order."""

    question: str
    ocr_tokens: tuple[str, ...]
    answer: str

    def prompt(self) -> str:
        """The text as in ``llava_textvqa_val_v051_ocr.jsonl``."""
        return f"{self.question}\nReference OCR token: {', '.join(self.ocr_tokens)}\n{SHORT_ANSWER}"

    def reply(self) -> str:
        """What a finetune record answers."""
        return self.answer


@dataclass(frozen=True)
class ChoiceQuestion:
    """An MMBench question with its two levels of category."""

    question: str
    options: tuple[str, str, str, str]
    answer: str
    category: str
    l2_category: str

    @property
    def letter(self) -> str:
        """The right option's letter."""
        return "ABCD"[self.options.index(self.answer)]

    def prompt(self) -> str:
        """The text as the official MMBench script makes it (the demo's questions have no hint)."""
        lines = [f"{letter}. {option}" for letter, option in zip("ABCD", self.options, strict=True)]
        return "\n".join([self.question, *lines, LETTER_ANSWER])

    def reply(self) -> str:
        """What a finetune record answers: a small model must find the option before its letter."""
        return f"{self.answer} {self.letter}"


def ask_reading(scene: Scene, rng: Random) -> ReadingQuestion:
    """Ask for a sign's word by its colour or place."""
    place, sign = rng.choice(scene.signs())
    by_colour, by_place = (
        f"What word is on the {sign.colour} sign?",
        f"What does the sign at the {place} say?",
    )
    question = rng.choice((by_colour, by_place))
    words = [each.word for _, each in scene.signs()]
    decoys = rng.sample([word for word in WORDS if word not in words], rng.choice((3, 4)) - len(words))
    tokens = rng.sample(words + decoys, len(words + decoys))
    return ReadingQuestion(question, tuple(tokens), sign.word)


def _options(rng: Random, answer: str, present: list[str], pool: tuple[str, ...]) -> tuple[str, ...]:
    """Four options: the answer, then others that are in the image, then any."""
    near = [each for each in dict.fromkeys(present) if each != answer]
    near = rng.sample(near, min(len(near), 3))
    far = rng.sample([each for each in pool if each != answer and each not in near], 3 - len(near))
    options = [answer, *near, *far]
    return tuple(rng.sample(options, 4))


def _choices(scene: Scene) -> list[tuple[str, str, list[str], tuple[str, ...], str, str]]:
    """Every question that the scene allows: (question, answer, present, pool, category, l2-category)."""
    instance, relation = "finegrained_perception (instance-level)", "relation_reasoning"
    palette, colours = tuple(COLOURS), [each.colour for _, each in scene.signs() + scene.things()]
    shapes = [thing.shape for _, thing in scene.things()]
    every = []
    for place, thing in scene.things():
        c, s = thing.colour, thing.shape
        every += [
            (f"What color is the {s}?", c, colours, palette, "attribute_recognition", instance),
            (f"Which shape is {c}?", s, shapes, SHAPES, "attribute_recognition", instance),
            (f"Where is the {s}?", place, [], PLACES, "object_localization", instance),
            (f"Which shape is at the {place}?", s, shapes, SHAPES, "object_localization", instance),
        ]
    for place, sign in scene.signs():
        thing = scene.cells[PLACES.index(place)].thing
        every.append((f"What color is the {sign.word} sign?", sign.colour, colours, palette, "ocr", instance))
        if thing:
            every.append(
                (
                    f"Which shape is below the {sign.colour} sign?",
                    thing.shape,
                    shapes,
                    SHAPES,
                    "spatial_relationship",
                    relation,
                )
            )
    return every


def ask_choice(scene: Scene, rng: Random) -> ChoiceQuestion:
    """Ask for a colour, shape or place, with four options."""
    question, answer, present, pool, category, l2 = rng.choice(_choices(scene))
    return ChoiceQuestion(question, _options(rng, answer, present, pool), answer, category, l2)


ASKERS: tuple[Callable[[Scene, Random], ReadingQuestion | ChoiceQuestion], ...] = (ask_reading, ask_choice)
