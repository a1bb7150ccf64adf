"""How many samples a GPU takes at once: the most that fit of those that multiply out."""

from costs.batch import OFFICIAL_BATCH, Machine, Training, candidates_of, official_batch
from costs.memory import SHARE, Longest, largest_batch, step_memory
from costs.step import prepare
from costs.units import size
from mgm.activations import ALL, INPUTS, KEPT
from mgm.model import MGMGemmaForCausalLM

# Sequences that a batch leaves room for; no pretraining caption has 400 tokens, model_max_length is 2048.
LONGEST = {"pretrain": Longest(1024, 400), "finetune": Longest(2048, 1024)}
# In finetuning steps of one sample: its gradients' way to the host and back (10 GB) on an A10; a step that
# computes twice.
CROSSING, RECOMPUTED = 1.0, 1.2


def plan(model: MGMGemmaForCausalLM, training: Training, machine: Machine) -> tuple[int, str]:
    """(batch a GPU, what the layers keep, see `mgm.activations`); 0 if not even one sample fits.

    The first of `KEPT` with which a batch fits that is no smaller than the official one. Where finetuning
    offloads, each batch also waits for `CROSSING`, and the fastest is taken. A batch given by hand stays.
    ``model`` is on the meta device. Raises `BadInput` if the global batch does not multiply out.
    """
    candidates = candidates_of(training, machine)
    if machine.gpu is None:
        return official_batch(training, candidates), INPUTS if machine.checkpointing else ALL
    if not machine.checkpointing:
        return fitting(model, training, machine, candidates, ALL), ALL
    enough = [n for n in candidates if training.batch or n >= OFFICIAL_BATCH[training.name]]
    crosses, found = machine.offload and training.name == "finetune", []
    for kept in KEPT:
        batch = fitting(model, training, machine, candidates if kept == INPUTS else enough, kept)
        if batch:
            found.append((CROSSING / batch + (RECOMPUTED if kept == INPUTS else 1), batch, kept))
            if not crosses:
                break
    return min(found, key=lambda one: one[0])[1:] if found else (0, INPUTS)  # of equal ones the first


def fitting(
    model: MGMGemmaForCausalLM,
    training: Training,
    machine: Machine,
    candidates: list[int],
    kept: str,
) -> int:
    """The first candidate that fits into the GPU, 0 if none does."""
    prepare(model, training.name, kept)
    longest, room = LONGEST[training.name], machine.gpu.memory
    return largest_batch(model, candidates, longest, room, machine.gpus, machine.offload) or 0


def why_not(model: MGMGemmaForCausalLM, training: Training, machine: Machine) -> str:
    """What one sample would take, and which knob helps."""
    prepare(model, training.name, INPUTS if machine.checkpointing else ALL)
    samples = training.batch or 1
    need = step_memory(model, samples, LONGEST[training.name], machine.gpus, machine.offload).gpu
    helps = ["more GPUs"] if not machine.offload else ["a GPU with more memory"]
    if not machine.offload:
        helps.insert(0, "DEEPSPEED_CONFIG=configs/zero2_offload.json")
    if not machine.checkpointing:
        helps.insert(0, "GRADIENT_CHECKPOINTING=True")
    if training.batch > 1:
        helps.insert(0, f"{training.name.upper()}_BATCH_SIZE_PER_GPU=auto")
    return (
        f"{training.name}: {samples} of the longest samples at once take {size(need)}, {machine.gpu.name} "
        f"has {size(machine.gpu.memory)}, of which {SHARE:.0%} may be planned for; set {', or '.join(helps)}"
    )
