"""Print what is wrong with the recipes and random seeds of a sweep, or nothing; for the Makefile.

python py/graph/check_sweep.py --profile demo --recipes seed recaption --random_seeds 1 2 3 --given RECIPES
"""

import argparse
import re
from collections import Counter
from pathlib import Path

RECIPES = Path("configs/recipes")
CONTROLS = ("no_pretraining", "shuffled", "clean")
OF_ONE_RUN = {"RECIPE": "RECIPES", "RANDOM_SEED": "RANDOM_SEEDS", "EXP": "RECIPES", "PRETRAIN": "RECIPES"}


def fault(profile: str, recipes: list[str], random_seeds: list[str], given: list[str]) -> str:
    """The first thing that is wrong, in words; "" if nothing is."""
    for name in given:
        if name in OF_ONE_RUN:
            return f"{name} is of one run; a sweep takes {OF_ONE_RUN[name]}, and names its experiments itself"
    if not recipes or not random_seeds:
        return "RECIPES and RANDOM_SEEDS need one value each, or more"
    for seed in random_seeds:
        if not re.fullmatch(r"[1-9][0-9]{0,9}", seed) or int(seed) >= 2**32:
            return f"RANDOM_SEEDS: '{seed}' is no whole number from 1 to {2**32 - 1}"
    for seed, count in Counter(random_seeds).items():
        if count > 1:
            return f"RANDOM_SEEDS: {seed} stands {count} times; a run counts once"
    for control in CONTROLS[1:]:
        if control in recipes and "SEED" in given:
            return f"RECIPES: the control {control} is of the demo's own seed; leave it out, or SEED"
    own = {path.stem for path in RECIPES.glob("*.yaml")}
    for recipe in recipes:
        if words := recipe_fault(recipe, own, profile):
            return f"RECIPES: {words}"
    for name, count in Counter(Path(recipe).stem for recipe in recipes).items():
        if count > 1:
            return f"RECIPES: {count} are called {name}, and their runs would be one; rename a file"
    return ""


def recipe_fault(recipe: str, own: set[str], profile: str) -> str:
    """What is wrong with one of ``RECIPES``: a name in configs/recipes, a control, or the path of a .yaml."""
    path = Path(recipe)
    if path.suffix != ".yaml":
        if recipe in CONTROLS:
            only = recipe != "no_pretraining" and profile != "demo"
            return f"the control {recipe} needs true captions, which only the demo has" if only else ""
        known = ", ".join(sorted(own))
        return "" if recipe in own else f"{recipe} is unknown; there are {known}, or give the path of a .yaml"
    if not path.is_file():
        return f"{recipe}: no such file"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", path.stem):
        return f"{recipe}: name the file by letters, digits, '.', '_' and '-', for its runs' folders"
    if path.stem in own | set(CONTROLS) and path.resolve() != (RECIPES / path.name).resolve():
        return f"{recipe} has the name of the project's own '{path.stem}'; rename the file"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", required=True, help="demo, 10k or full")
    parser.add_argument("--recipes", nargs="*", default=[], help="names or paths (default: none)")
    parser.add_argument("--random_seeds", nargs="*", default=[], help="whole numbers (default: none)")
    parser.add_argument("--given", nargs="*", default=[], help="knobs on make's command line (default: none)")
    args = parser.parse_args()
    if words := fault(args.profile, args.recipes, args.random_seeds, args.given):
        print(words)


if __name__ == "__main__":
    main()
