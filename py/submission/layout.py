"""What lies where: one experiment's folders, online or offline, with all that the layout asks for."""

from typing import NamedTuple

from submission import rules
from submission.check_names import JUNK
from submission.faults import Faults
from submission.tree import Tree

TOP = ("solution", "output")
OUTPUT = ("train.sh", "training_dirs", "eval_results", "processed_data")


class Layout(NamedTuple):
    """Where things are (None: nowhere), and whether data and weights are in."""

    pretrain: str | None
    finetune: str | None
    results: str | None
    offline: bool

    @property
    def name(self) -> str:
        return "offline" if self.offline else "online"


def unwrapped(tree: Tree, faults: Faults) -> Tree:
    """The tree below a single wrapping folder, which is a fault; else the tree itself."""
    tops = {name.split("/")[0] for name in tree.files if not JUNK.search(name)}
    if len(tops) == 1 and not tops & {*TOP}:
        inner = tree.inside(next(iter(tops)))
        if any(name.startswith(TOP) for name in inner.files):
            faults.add(f"{next(iter(tops))}/", "wraps everything; zip what is in it, not the folder itself")
            return inner
    for top in sorted(tops - {*TOP}):
        faults.add(top, "only solution/ and output/ may be at the top; move or remove it")
    inner = {name.split("/")[1] for name in tree.below("output") if not JUNK.search(name)}
    for name in sorted(inner - {*OUTPUT}):
        faults.add(f"output/{name}", f"only {', '.join(OUTPUT)} may be in output/; move or remove it")
    return tree


def experiment_folders(tree: Tree, faults: Faults) -> list[str | None]:
    """The folders of pretraining, finetuning and evaluation, whose names must end in one experiment's."""
    folders, experiments = [], set()
    for start in (rules.PRETRAIN, rules.FINETUNE, rules.EVAL):
        found = sorted(
            {name.removeprefix(start).split("/")[0] for name in tree.files if name.startswith(start)}
        )
        if len(found) != 1:
            several = f"{len(found)} of them ({', '.join(found)}); keep one"
            faults.add(f"{start}EXP/", several if found else "missing; add the folder of the run")
        folders.append(f"{start}{found[0]}" if found else None)
        experiments |= {*found[:1]}
    if len(experiments) > 1:
        faults.add(
            "output/",
            f"folders of different experiments: {', '.join(sorted(experiments))}; give them one name",
        )
    return folders


def check_solution(tree: Tree, faults: Faults) -> None:
    """solution/ has readme, requirements.txt, a recipe and code."""
    names = {name.lower() for name in tree.below("solution")}
    readme = {f"{rules.README}{ending}" for ending in ("", ".md", ".txt", ".rst", ".pdf")}
    if not names & readme:
        faults.add(rules.README, "missing; write how the result is reproduced")
    if rules.REQUIREMENTS not in names:
        faults.add(rules.REQUIREMENTS, "missing; list the packages with their versions")
    recipes = {
        name for name in names if name.endswith((".yaml", ".yml")) or name.startswith("solution/recipe")
    }
    if not recipes:
        faults.add("solution/recipe", "missing; add the Data-Juicer recipe that made the data")
    if not any(name.endswith((".py", ".sh", ".ipynb")) for name in names):
        faults.add("solution/code", "missing; add the code that made the data")


def check_layout(tree: Tree, faults: Faults) -> Layout:
    """All required files are there; which layout it is."""
    check_solution(tree, faults)
    heavy = [name for name in tree.below("output") if name.endswith((".safetensors", ".bin"))]
    layout = Layout(*experiment_folders(tree, faults), bool(heavy or tree.below("output/processed_data")))
    for name, remedy in required_files(tree, layout).items():
        if not any(is_like(found, name) for found in tree.below(name.rpartition("/")[0])):
            faults.add(name, f"missing; {remedy}")
    return layout


def required_files(tree: Tree, layout: Layout) -> dict[str, str]:
    """File of output/ → what to do where it is missing."""
    required = {rules.TRAIN: "add the script with both training commands"}
    if layout.pretrain:
        required[f"{layout.pretrain}/pretrain.log"] = "add the whole log of the pretraining"
    if layout.finetune:
        renamed = f"{layout.finetune}/finetuning.log" in tree.files
        told = "the kit's script writes finetuning.log, add it under this name too"
        required[f"{layout.finetune}/finetune.log"] = (
            told if renamed else "add the whole log of the finetuning"
        )
    if layout.results:
        required[f"{layout.results}/textvqa/bm1.jsonl"] = "add TextVQA's joined answers"
        required[f"{layout.results}/mmbench/upload.xlsx"] = "add MMBench's upload"
    return required | (required_offline(layout) if layout.offline else {})


def required_offline(layout: Layout) -> dict[str, str]:
    """What the offline layout has beside: data and weights."""
    required = {rules.DATA: "the offline layout has it, add it"}
    if layout.pretrain:
        required[f"{layout.pretrain}/{rules.PROJECTOR}"] = "the offline layout has the projectors, add them"
    if layout.finetune:
        shards = f"{layout.finetune}/model-00001-of-0000N.safetensors"
        required[shards] = "the offline layout has the weights, add them"
    return required


def is_like(found: str, wanted: str) -> bool:
    """Whether a file stands for a required one: what tests and trainers name has freedoms in the kit."""
    if wanted.endswith(".xlsx"):
        return found.endswith(".xlsx")
    if wanted.endswith(".safetensors"):
        return found.endswith(".safetensors")
    if wanted.endswith("bm1.jsonl"):
        return found.endswith("/bm1.jsonl")
    return found == wanted
