"""All checks of a submission together."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from errors import BadInput
from progress import Progress
from submission import logs, rules
from submission.answers import check_answers
from submission.check_names import check_members
from submission.data import Seed, check_data
from submission.faults import Faults
from submission.layout import Layout, check_layout, unwrapped
from submission.secrets import check_secrets
from submission.tree import Tree
from submission.weights import check_adapter, check_weights

PROFILE = re.compile(rb"^Profile: (\w+)", re.MULTILINE)
UNREAD = tuple({*rules.INCOMPRESSIBLE} - {".bin", ".xlsx"})
BATCH = re.compile(rb"--global_batch_size[ =](\d+)")


class Report(NamedTuple):
    """What was found: the layout, the profile whose numbers were applied, and counts of what is in it."""

    layout: Layout
    profile: str
    counts: dict[str, int]


def check(
    tree: Tree,
    profile: str | None,
    seed: Seed | None,
    environment: Mapping[str, str],
    faults: Faults,
) -> Report:
    """Check everything, adding to ``faults``. ``profile`` None: the one in solution/readme, else full."""
    check_members(tree, faults)
    tree = unwrapped(tree, faults)
    layout = check_layout(tree, faults)
    profile = profile or profile_of(tree)
    numbers = rules.PROFILES[profile]
    counts = {"records": check_data(tree, numbers.budget, seed, faults)}
    counts |= check_training(tree, layout, numbers, counts["records"], faults)
    if layout.results:
        counts |= check_answers(tree, layout.results, faults)
    if layout.pretrain:
        check_adapter(tree, f"{layout.pretrain}/{rules.PROJECTOR}", faults)
    if layout.finetune:
        check_weights(tree, layout.finetune, faults)
    check_secrets(tree, faults, environment)
    check_whole(tree, faults)
    return Report(layout, profile, counts)


def check_whole(tree: Tree, faults: Faults) -> None:
    """Weights and images of a zip, which nothing else reads to the end, have the checksums that it says."""
    if tree.archive is None:
        return
    names = [name for name in tree.files if name.endswith(UNREAD)]
    progress = Progress("reading weights and images", sum(map(tree.size, names)))
    for name in names:
        try:
            tree.require(name, tree.size(name))
            with tree.open(name) as file:
                progress.pour(file)
        except BadInput as error:
            faults.add(name, str(error))


def head(tree: Tree, name: str) -> bytes:
    """The first bytes of a file; none where it cannot be read (which is a fault elsewhere)."""
    try:
        with tree.open(name) as file:
            return file.read(1 << 20)
    except (BadInput, KeyError):
        return b""


def profile_of(tree: Tree) -> str:
    """The profile that the readme of `make submission` names; else the full one."""
    found = PROFILE.search(head(tree, rules.README))
    return found[1].decode() if found and found[1].decode() in rules.PROFILES else "full"


def batches_of(tree: Tree, numbers: rules.Rules, faults: Faults) -> tuple[int, int]:
    """Global batch sizes of pretraining and finetuning: train.sh's if it names both, else the profile's."""
    expected = (numbers.pretrain_batch, numbers.finetune_batch)
    given = tuple(int(number) for number in BATCH.findall(head(tree, rules.TRAIN)))
    if len(given) != 2 or 0 in given:
        return expected
    if numbers.official and given != expected:
        faults.add(
            rules.TRAIN, f"global batch sizes {given}; the challenge's are {expected}, train with these"
        )
        return expected
    return given


def check_training(
    tree: Tree, layout: Layout, numbers: rules.Rules, records: int, faults: Faults
) -> dict[str, int]:
    """Both logs: losses, one epoch, and as many steps as the data and the budget allow."""
    batch, finetune_batch = batches_of(tree, numbers, faults)
    pretrain_log, finetune_log = f"{layout.pretrain}/pretrain.log", f"{layout.finetune}/finetune.log"
    counts = {}
    if curve := logs.check_log(tree, pretrain_log, faults):
        counts["pretraining steps"] = curve.steps
        fault = logs.budget_fault(curve, numbers.budget, batch)
        if fault is None and records:
            fault = logs.steps_fault(curve, records, batch)
        if fault:
            faults.add(pretrain_log, fault)
    if curve := logs.check_log(tree, finetune_log, faults):
        counts["finetuning steps"] = curve.steps
        samples = numbers.finetune_samples
        if samples and (fault := logs.steps_fault(curve, samples, finetune_batch)):
            faults.add(finetune_log, fault)
    check_twin(tree, finetune_log, f"{layout.finetune}/finetuning.log", faults)
    return counts


def check_twin(tree: Tree, log: str, twin: str, faults: Faults) -> None:
    """The log under the kit's own name is the same."""
    if not {log, twin} <= {*tree.files}:
        return
    try:
        if tree.read(log, rules.LOG_BYTES) != tree.read(twin, rules.LOG_BYTES):
            faults.add(twin, f"is not the same as {log.rpartition('/')[2]}; copy it again, or remove it")
    except BadInput as error:
        faults.add(twin, f"cannot be compared with {log.rpartition('/')[2]}: {error}")
