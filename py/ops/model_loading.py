"""Loading the model of an operator, once per process."""

from dataclasses import dataclass
from typing import Any

from errors import BadInput


def load_model(architecture: str, folder: str, device: str = "cpu") -> tuple[Any, Any, Any]:
    """Load ``folder`` as the transformers class ``architecture`` for inference, strictly.

    Returns (model, tokenizer, image processor); the model in float16 on a GPU, else in float32. Weights and
    settings never run code.
    """
    import torch
    import transformers

    from mgm.weights import NAMES, read_file, weight_files

    for file in weight_files(folder, NAMES):
        read_file(file)  # names a file that is broken, or would run code
    dtype = torch.float16 if device.startswith("cuda") else torch.float32
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        model, found = getattr(transformers, architecture).from_pretrained(
            folder, dtype=dtype, local_files_only=True, output_loading_info=True, ignore_mismatched_sizes=True
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **local)
        image_processor = transformers.AutoImageProcessor.from_pretrained(folder, **local)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{folder}: cannot be loaded as {architecture} ({reason}); fetch it again") from error
    if faults := weight_faults(model, found):
        lines = "\n  ".join(faults)
        raise BadInput(f"{folder}: the weights do not fit {architecture}:\n  {lines}\nfetch the folder again")
    return model.to(device).eval().requires_grad_(False), tokenizer, image_processor


def weight_faults(model: Any, found: dict) -> list[str]:
    """What is wrong with the weights of ``model``; ``found`` is what transformers says of the keys."""
    from mgm.weights import IGNORED, is_finite

    unexpected = [name for name in found["unexpected_keys"] if not name.endswith(IGNORED)]
    faults = [f"missing: {name}" for name in sorted(found["missing_keys"])]
    faults += [f"unexpected: {name}" for name in sorted(unexpected)]
    faults += [
        f"misshapen: {name} is {has}, needed {needed}" for name, has, needed in found["mismatched_keys"]
    ]
    faults += [f"not finite: {name}" for name, value in model.named_parameters() if not is_finite(value)]
    return faults


@dataclass(frozen=True)
class ModelKey:
    """The key for Data-Juicer's `get_model`, which loads once per process and frees after use.

    Equal by value: on Ray each task gets a copy of the operator, and would load the model again. Imports the
    architecture now: not with this module, for a recipe without a model starts seconds sooner so, and not
    later, in every worker process of every operator.
    """

    architecture: str
    folder: str

    def __post_init__(self) -> None:
        import transformers

        getattr(transformers, self.architecture)

    def __call__(self, device: str = "cpu") -> tuple[Any, Any, Any]:
        return load_model(self.architecture, self.folder, device)


def dtype_name(operator: Any) -> str:
    """The precision that `load_model` will choose for ``operator``: answers of two precisions differ."""
    return "float16" if operator.use_cuda() else "float32"
