"""Configuration of the model: Gemma's own fields and the official ``mm_*`` fields, under their official
names; read from a folder's ``config.json``.
"""

from pathlib import Path
from typing import Any

from transformers import AutoConfig, GemmaConfig

from errors import BadInput
from json_files import read_json
from mgm.config_checks import require_known, require_sizes, require_supported

IMAGE_TOKEN_INDEX = -200  # the slot in ``input_ids`` that image features replace
IGNORE_INDEX = -100  # a label that the loss skips
TOWERS = {"mm_vision_tower": "--vision_tower", "mm_vision_tower_aux": "--vision_tower_aux"}


class MGMConfig(GemmaConfig):
    """``config.json`` of an official checkpoint (``mgm_gemma.py``).

    The tower fields hold folders; `resolve_towers` makes them absolute. In our own files
    ``…_folder`` names each from the file's place, where the official field's path is none that helps us.
    """

    model_type = "mgm_gemma"

    mm_vision_tower: str | None = None
    mm_vision_tower_aux: str | None = None
    mm_vision_tower_folder: str | None = None
    mm_vision_tower_aux_folder: str | None = None
    mm_vision_select_layer: int = -2
    mm_vision_select_feature: str = "patch"
    mm_projector_type: str = "mlp2x_gelu"
    mm_hidden_size: int | None = None
    mm_hidden_size_aux: int | None = None
    mm_use_im_start_end: bool = False
    mm_use_im_patch_token: bool = False
    image_size_aux: int = 768
    image_aspect_ratio: str = "square"
    image_grid: int = 1
    image_global: bool = False
    tune_mm_mlp_adapter: bool = False
    freeze_mm_mlp_adapter: bool = False
    optimize_vision_tower: bool = False
    optimize_vision_tower_aux: bool = False
    use_mm_proj: bool = True
    tokenizer_padding_side: str = "right"
    tokenizer_model_max_length: int = 2048

    def __post_init__(self, **kwargs) -> None:
        # transformers 5 rewrites "gelu" to the tanh form, with a warning; the official run (4.38.2) used the
        # name as it stood, so it is kept out of sight here.
        act, self.hidden_act = self.hidden_act, "gelu_pytorch_tanh"
        super().__post_init__(**kwargs)
        self.hidden_act = act


AutoConfig.register("mgm_gemma", MGMConfig)


def read_config(folder: str | Path, **changes: Any) -> MGMConfig:
    """``config.json`` of a Gemma or a finetuned folder as an `MGMConfig`, with ``changes`` applied."""
    folder = Path(folder)
    path = folder / "config.json"
    if not path.is_file():
        raise BadInput(f"{path} is missing; {remedy_for_no_config(folder)}")
    values = read_json(path)
    require_supported(path, values)
    require_sizes(path, values, "Gemma")
    require_known(path, values)
    for field, flag in TOWERS.items():
        tower = Path(changes.get(field, ""))
        if tower.is_absolute() and not tower.is_dir():
            raise BadInput(f"{tower} is not a folder; fetch it or correct {flag}")
    for field in (*("model_type", "auto_map", "_name_or_path"), *(f"{f}_folder" for f in changes)):
        values.pop(field, None)
    try:
        config = MGMConfig(**values | changes)
        config.to_dict()  # it is written beside what is trained
    except Exception as error:  # transformers' own reading of it comes to a dozen types
        reason = (str(error).splitlines() or [type(error).__name__])[-1].strip()
        raise BadInput(f"{path}: not a configuration of Gemma ({reason}); fetch it again") from error
    config.architectures = ["MGMGemmaForCausalLM"]
    return config


def remedy_for_no_config(folder: Path) -> str:
    """What to do about a path that is no model folder."""
    if (folder / "adapter_config.json").is_file():
        return "this is a LoRA adapter: merge it into its base model, and give the merged folder"
    if folder.suffix == ".gguf":
        return "GGUF files are not read: give a folder with the model's safetensors"
    return "give a model folder that holds it"


def resolve_towers(config: MGMConfig, holder: str | Path) -> None:
    """Make the towers' folders absolute.

    ``holder``'s config names each: with a path from itself (ours), or with one from a working folder
    somewhere above (official: ``model_zoo/OpenAI/…``). Last, a folder of that name may lie beside ``holder``.
    """
    holder = Path(holder).absolute()
    for field, flag in TOWERS.items():
        value, own = getattr(config, field), getattr(config, f"{field}_folder")
        if not value:
            raise BadInput(f"{holder}: no {field}; give {flag}")
        places = [Path(holder, own)] if own else []
        places += [Path(place, value) for place in (holder, *holder.parents, Path.cwd())]
        places.append(holder.parent / Path(value).name)
        found = next((place for place in places if place.is_dir()), None)
        if found is None:
            raise BadInput(
                f"{field} {value} is not a folder (named by {holder}); give {flag}, or put the folder "
                f"{Path(value).name} into {holder.parent}"
            )
        setattr(config, field, str(found.resolve()))
        setattr(config, f"{field}_folder", None)
