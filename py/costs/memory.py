"""Memory of a training step: states as DeepSpeed counts them, activations as measured on the meta device."""

from dataclasses import dataclass

from costs.peak import peak_bytes
from costs.states import Memory, state_bytes
from mgm.model import MGMGemmaForCausalLM

CONTEXT = 1_500_000_000  # bytes of a GPU that CUDA, its libraries' workspaces and NCCL take
SHARE = 0.92  # of a GPU's memory that may be planned for: blocks of the allocator fit together imperfectly


@dataclass(frozen=True)
class Longest:
    """The sequence that decides: positions, picture included, and how many of them have a label."""

    length: int
    labelled: int


def step_memory(
    model: MGMGemmaForCausalLM, samples: int, longest: Longest, gpus: int, offload: bool
) -> Memory:
    """What a step of ``samples`` of the ``longest`` sequences needs; ``model`` is on the meta device."""
    states = model_states(model, gpus, offload)
    activations = peak_bytes(model, samples, longest.length, longest.labelled)
    return Memory(states.gpu + activations + CONTEXT, states.host)


def model_states(model: MGMGemmaForCausalLM, gpus: int, offload: bool) -> Memory:
    """`state_bytes` of ``model``, and with ``offload`` room for its largest gradient on the way to the host.

    DeepSpeed holds it all the time: ``temp_grad_buffer_for_gpu_offload`` in ``stage_1_and_2.py``.
    """
    states = state_bytes(*sizes(model), gpus, offload)
    largest = max((p.numel() for p in model.parameters() if p.requires_grad), default=0)
    return Memory(states.gpu + 2 * largest * offload, states.host)


def sizes(model: MGMGemmaForCausalLM) -> tuple[int, int]:
    """Numbers of parameters and of trained ones."""
    counts = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return sum(n for n, _ in counts), sum(n for n, trained in counts if trained)


def largest_batch(
    model: MGMGemmaForCausalLM, candidates: list[int], longest: Longest, room: int, gpus: int, offload: bool
) -> int | None:
    """The first of ``candidates`` that fits into ``room`` bytes of a GPU, None if there is none.

    The peak grows with the samples, in proportion or faster: two are measured, then what may fit after these.
    """

    def need(samples: int) -> int:
        return step_memory(model, samples, longest, gpus, offload).gpu

    one, two = need(1), need(2)
    hopeful = (n for n in candidates if one + (n - 1) * (two - one) <= SHARE * room)
    return next((n for n in hopeful if n <= 2 or need(n) <= SHARE * room), None)
