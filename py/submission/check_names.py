"""Which files there are: safe names, nothing that does not belong, everything that the layout asks for."""

import re
from collections import Counter
from pathlib import PurePosixPath
from typing import NamedTuple

from submission import rules
from submission.tree import Faults, Member, Tree

TOP = ("solution", "output")
OUTPUT = ("train.sh", "training_dirs", "eval_results", "processed_data")
JUNK = re.compile(
    r"(^|/)(__MACOSX|__pycache__|\.git|\.svn|\.ipynb_checkpoints|\.venv|\.cache)/"
    r"|(^|/)(\.DS_Store|Thumbs\.db|desktop\.ini|\._[^/]*)$|\.(pyc|pyo|swp|tmp|part)$|[~+]$"
)
SECRET_NAME = re.compile(
    r"(^|/)(\.netrc|\.env|\.pypirc|\.npmrc|\.git-credentials|id_(rsa|dsa|ecdsa|ed25519))$|\.(pem|p12)$"
)


class Layout(NamedTuple):
    """Where things are (None: nowhere), and whether data and weights are in."""

    pretrain: str | None
    finetune: str | None
    results: str | None
    offline: bool

    @property
    def name(self) -> str:
        return "offline" if self.offline else "online"


def name_fault(name: str) -> str | None:
    """What is unsafe about a member's name, with the remedy."""
    parts = name.split("/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "an absolute path; store it relative to the submission's folder"
    if ".." in parts:
        return "leads out of the submission's folder; store it without '..'"
    if "\\" in name:
        return "a backslash in the name; store it with '/'"
    if any(part in ("", ".") for part in parts) or any(ord(letter) < 32 for letter in name):
        return "an empty or unprintable part in the name; rename it"
    return None


def check_members(tree: Tree, faults: Faults) -> None:
    """Every name and kind, whatever its place."""
    counts = Counter(member.name for member in tree.members)
    lower = Counter(name.lower() for name in counts)
    folders = {str(parent) for name in counts for parent in PurePosixPath(name).parents}
    for member in {member.name: member for member in tree.members}.values():
        for fault in _faults_of(member):
            faults.add(member.name if member.name.isprintable() else repr(member.name), fault, group=fault)
        if counts[member.name] > 1:
            faults.add(member.name, f"is in the zip {counts[member.name]} times; keep one")
        elif lower[member.name.lower()] > 1:
            faults.add(member.name, "differs from another name by upper and lower case alone; rename one")
        if member.name in folders:
            faults.add(member.name, "is a file and a folder at once; rename one")


def _faults_of(member: Member) -> list[str]:
    """Faults of one member by name, kind and size; junk is not looked at further."""
    if JUNK.search(member.name):
        return ["does not belong in a submission; remove it"]
    found = [name_fault(member.name)]
    if SECRET_NAME.search(member.name):
        found.append("may hold passwords or keys; remove it")
    if member.kind != "file":
        found.append(f"is not a plain file ({member.kind}); store the content itself")
    elif member.size == 0 and PurePosixPath(member.name).name != "__init__.py":
        found.append("is empty; restore or remove it")
    return [fault for fault in found if fault]


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
    if layout.offline:
        told = "the offline layout has it, add it"
        required[rules.DATA] = told
        if layout.pretrain:
            required[f"{layout.pretrain}/{rules.PROJECTOR}"] = (
                "the offline layout has the projectors, add them"
            )
        if layout.finetune:
            required[f"{layout.finetune}/model-00001-of-0000N.safetensors"] = (
                "the offline layout has the weights, add them"
            )
    for name, remedy in required.items():
        if not any(is_like(found, name) for found in tree.below(name.rpartition("/")[0])):
            faults.add(name, f"missing; {remedy}")
    return layout


def is_like(found: str, wanted: str) -> bool:
    """Whether a file stands for a required one: what tests and trainers name has freedoms in the kit."""
    if wanted.endswith(".xlsx"):
        return found.endswith(".xlsx")
    if wanted.endswith(".safetensors"):
        return found.endswith(".safetensors")
    if wanted.endswith("bm1.jsonl"):
        return found.endswith("/bm1.jsonl")
    return found == wanted
