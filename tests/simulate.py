"""Simulate sweeps whose truth is known; count how often intervals hold it, and verdicts are wrong or right.

    .venv/bin/python tests/simulate.py --sweeps 5000

A recipe's run answers a question rightly where recipe + seed + question + recipe × question + chance > 0,
all drawn from normal distributions. Its true score over all seeds and questions is Φ(recipe ÷ standard
deviation of the sum).
"""

import gc
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from itertools import product
from math import sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "py"))

from leaderboard.contrasts import contrasts
from leaderboard.effects import Effect, Scatter
from leaderboard.estimates import effect, score
from leaderboard.runs import Run
from leaderboard.verdicts import UNDECIDED, power, verdicts

QUESTION, BOTH = 0.8, 0.5  # standard deviations of question and recipe × question, where chance has 1
DIFFERENCES = {"none": (0.4, 0.4), "small": (0.4, 0.43), "large": (0.3, 0.85)}


class World(NamedTuple):
    """What is drawn from: the true score of each recipe (shares of 1), and a seed's standard deviation.

    ``shared``: the share of a seed's variance that is the same for all recipes.
    """

    scores: tuple[float, ...]
    seed: float
    seeds: int
    questions: int
    shared: float = 0.3

    def draw(self, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Answers (recipes, S, Q), each 0 or 1, and each recipe's true score.

        With one seed nothing tells how seeds scatter, and the true score is that of the models drawn.
        """
        recipes, within = len(self.scores), 1 + QUESTION**2 + BOTH**2
        levels = sqrt(within + self.seed**2) * stats.norm.ppf(self.scores).reshape(-1, 1, 1)
        common = generator.standard_normal((1, self.seeds, 1))
        own = generator.standard_normal((recipes, self.seeds, 1))
        runs = levels + self.seed * (sqrt(self.shared) * common + sqrt(1 - self.shared) * own)
        questions = QUESTION * generator.standard_normal(self.questions)
        both = BOTH * generator.standard_normal((recipes, 1, self.questions))
        chance = generator.standard_normal((recipes, self.seeds, self.questions), dtype=np.float32)
        truth = np.asarray(self.scores)
        if self.seeds == 1:
            truth = stats.norm.cdf(runs.ravel() / sqrt(within))
        return (runs + questions + both + chance > 0).astype(float), truth


def coverage(world: World, sweeps: int, generator: np.random.Generator) -> dict[str, float]:
    """Percent of 95 % intervals that hold the truth: of a score, a difference, a ratio.

    ``unshared``: of a difference where the recipes were run with different seeds.
    """
    held = dict.fromkeys(("score", "difference", "ratio", "unshared"), 0)
    for _ in range(sweeps):
        (base, other), truth = world.draw(generator)
        true = {"score": 100 * truth[1], "difference": truth[1] - truth[0], "ratio": truth[1] / truth[0]}
        found = {
            "score": score(other)[1],
            "difference": effect([[other - base]], [1], [1]).interval(),
            "ratio": ratio_of(other, base).interval(),
        }
        (base, other), truth = world._replace(shared=0.0).draw(generator)
        found["unshared"] = effect([[other], [-base]], [1], [1]).interval()
        true["unshared"] = truth[1] - truth[0]
        for name, (low, high) in found.items():
            held[name] += low <= true[name] <= high
    return {name: 100 * count / sweeps for name, count in held.items()}


def ratio_of(other: np.ndarray, base: np.ndarray) -> Effect:
    """As `contrasts.ratio` has it, of one test."""
    divisor = max(base.mean(), 1e-9)
    ratio = other.mean() / divisor
    return effect([[other - ratio * base]], [1 / divisor], [max(1, ratio)])._replace(value=ratio)


def runs_of(answers: np.ndarray, tests: int) -> dict[str, list[Run]]:
    """Answers (recipes, S, Q) as runs, their questions dealt out among ``tests``."""
    return {
        f"recipe {number}": [
            Run("", seed, Path(), {}, {f"test {t}": dict(enumerate(row[t::tests])) for t in range(tests)}, {})
            for seed, row in enumerate(of_recipe)
        ]
        for number, of_recipe in enumerate(answers)
    }


def sweep_verdicts(answers: np.ndarray, tests: int = 2) -> list[str]:
    """The words of a leaderboard whose first recipe is the baseline."""
    base, *others = runs_of(answers, tests).values()
    names = [f"test {number}" for number in range(tests)]
    return [found.word for found in verdicts([c for o in others for c in contrasts(o, base, names).values()])]


def wrong_verdicts(world: World, sweeps: int, generator: np.random.Generator) -> float:
    """Percent of sweeps over equal recipes that call any of them better or worse."""
    gc.freeze()  # statsmodels collects garbage at every correction: less to look through
    wrong = sum(set(sweep_verdicts(world.draw(generator)[0])) != {UNDECIDED} for _ in range(sweeps))
    return 100 * wrong / sweeps


def power_found(
    world: World, level: float, sweeps: int, generator: np.random.Generator
) -> tuple[float, float]:
    """Percent of sweeps in which a difference reaches ``level``, and what `verdicts.power` makes of the
    truth.
    """
    effects = []
    for _ in range(sweeps):
        (base, other), _ = world.draw(generator)
        effects.append(effect([[other - base]], [1], [1]))
    found = np.mean([each.p_value < level for each in effects])
    true = Effect(
        world.scores[1] - world.scores[0],
        Scatter(*np.mean([each.by_seed for each in effects], axis=0)),
        float(np.mean([each.question_variance for each in effects])),
        world.questions,
    )
    return 100 * float(found), 100 * power(true, world.seeds, level)


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=2000, help="simulated for each figure (default: 2000)")
    parser.add_argument("--random_seed", type=int, default=1024, help="of the simulation (default: 1024)")
    args = parser.parse_args()
    generator = np.random.default_rng(args.random_seed)
    print("95 % intervals that hold the truth, percent")
    worlds = product((100, 400, 2000), (1, 2, 3, 5, 10), (0.0, 0.1, 0.4), DIFFERENCES)
    for questions, seeds, seed, difference in worlds:
        found = coverage(World(DIFFERENCES[difference], seed, seeds, questions), args.sweeps, generator)
        told = " · ".join(f"{name} {share:.1f}" for name, share in found.items())
        print(
            f"{questions:5} questions, {seeds:2} seeds of deviation {seed}, {difference:5}: {told}",
            flush=True,
        )
    print("sweeps over 6 equal recipes with a wrong verdict, percent")
    for questions, seeds, seed in product((200, 800), (2, 3, 5, 10), (0.0, 0.1, 0.4)):
        share = wrong_verdicts(World((0.4,) * 6, seed, seeds, questions), args.sweeps // 4, generator)
        print(f"{questions:5} questions, {seeds:2} seeds of deviation {seed}: {share:.1f}", flush=True)
    print("power, percent: found, computed")
    for seeds, seed, level in product((3, 5, 10), (0.05, 0.2), (0.05, 0.005)):
        found, computed = power_found(World((0.4, 0.5), seed, seeds, 400), level, args.sweeps, generator)
        print(f"{seeds:2} seeds of deviation {seed}, level {level}: {found:.1f}, {computed:.1f}", flush=True)


if __name__ == "__main__":
    main()
