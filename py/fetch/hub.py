"""A model of the hub as links to its files: the weights once, each file with the digest that the hub lists.

HF_ENDPOINT names another hub (a mirror), HF_TOKEN the token for gated models; both are huggingface_hub's.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from errors import BadInput
from fetch.patience import Dropped, Patience, Unreachable, persist
from fetch.sources import HUB_ID, Link

FOREIGN = re.compile(
    r"""\.(h5|msgpack|ot|onnx|onnx_data|gguf|ggml|tflite|mlmodel|mlpackage|pb|task)$
    |(^|/)(onnx|openvino|coreml|flax|tf|\.git[^/]*)(/|$)|(^|/)openvino_|(^|/)rust_model""",
    re.VERBOSE,
)
"""Weights in formats that nothing here reads."""
PICKLED = re.compile(r"\.(bin|pt|pth|ckpt)(\.index\.json)?$")


class Model(NamedTuple):
    """What there is of a model: the links to fetch, the names left out, the commit."""

    links: list[Link]
    left_out: list[str]
    commit: str


def wanted(names: Sequence[str]) -> list[str]:
    """The files without duplicates of the weights: no other framework's, and no pickle where safetensors lie.

    >>> wanted(["config.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5"])
    ['config.json', 'model.safetensors']
    """
    kept = [name for name in names if not FOREIGN.search(name)]
    safe = {PurePosixPath(name).parent for name in kept if name.endswith(".safetensors")}
    return [name for name in kept if not (PICKLED.search(name) and PurePosixPath(name).parent in safe)]


def model(text: str, hosts: tuple[str, ...], patience: Patience, remedy: str) -> Model:
    """Ask the hub for the files of ``owner/name`` or ``owner/name@revision``."""
    from huggingface_hub import constants, hf_hub_url  # takes seconds
    from huggingface_hub.utils import build_hf_headers

    repository, revision = HUB_ID.fullmatch(text).groups()
    page = f"{constants.ENDPOINT}/{repository}"
    gated = f"{repository} may be gated: accept its licence on {page}, then set HF_TOKEN"
    info = info_of(text, repository, revision or "main", patience, gated, remedy)
    files = files_of(info, text, remedy)
    headers = {name: value for name, value in build_hf_headers().items() if name.lower() == "authorization"}
    links = []
    for name in wanted(list(files)):
        digest = digest_of(files[name])
        links.append(
            Link(
                name=name,
                source=text,
                urls=[hf_hub_url(repository, name, revision=info.sha)],
                headers=headers,
                hosts=("*",) if digest else hosts,  # large files lie elsewhere; the digest proves them
                size=files[name].size,
                digest=digest,
                remedy=remedy,
                on_403=gated,
            )
        )
    return Model(links, [name for name in files if name not in {link.name for link in links}], info.sha)


def info_of(text: str, repository: str, revision: str, patience: Patience, gated: str, remedy: str) -> Any:
    """What the hub says of the model, asked with patience."""
    from huggingface_hub import HfApi

    try:
        return persist(text, patience, lambda: ask(HfApi(), repository, revision, patience, gated, remedy))
    except Unreachable as error:
        raise Unreachable(f"{error}; set HF_ENDPOINT to a mirror of the hub, or {remedy}") from error


def files_of(info: Any, text: str, remedy: str) -> dict[str, Any]:
    """What the hub lists of a model's files, by name; raises `BadInput` for none, and for an unsafe name."""
    if not info.siblings:
        raise BadInput(f"{text}: the hub lists no files; {remedy}")
    files = {file.rfilename: file for file in info.siblings}
    for name in files:
        if name.startswith("/") or ".." in name.split("/") or not name.isprintable() or "\\" in name:
            raise BadInput(f"{text}: unsafe file name {name!a}; {remedy}")
    return files


def digest_of(file: Any) -> str | None:
    """The digest that the hub lists for a file, if it lists one."""
    if file.lfs:
        return f"sha256:{file.lfs.sha256}"
    return f"git:{file.blob_id}" if file.blob_id else None


def ask(api: Any, repository: str, revision: str, patience: Patience, gated: str, remedy: str) -> Any:
    """What the hub says of the model; its faults in words."""
    from huggingface_hub import errors

    where = f"{repository} at {api.endpoint}"
    try:
        return api.model_info(repository, revision=revision, files_metadata=True, timeout=patience.timeout)
    except errors.GatedRepoError as error:
        raise BadInput(f"{where}: the hub refuses it; {gated}; {remedy}") from error
    except errors.RevisionNotFoundError as error:
        raise BadInput(f"{where}: there is no revision {revision}; correct it, or {remedy}") from error
    except errors.RepositoryNotFoundError as error:
        raise BadInput(f"{where}: no such model or path, or a private one; {gated}; {remedy}") from error
    except errors.OfflineModeIsEnabled as error:
        raise BadInput(f"{where}: HF_HUB_OFFLINE is set; unset it, or {remedy}") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status >= 500 or status == 429:
            raise Dropped(f"{api.endpoint} answers HTTP {status}") from error
        raise BadInput(f"{where}: the hub refuses it (HTTP {status}); {gated}; {remedy}") from error
    except errors.HTTPError as error:
        raise Dropped(
            f"the hub at {api.endpoint} cannot be reached ({error or type(error).__name__})"
        ) from error
    except ValueError as error:
        raise BadInput(
            f"{where}: the hub's answer is no JSON (a login page?); check HF_ENDPOINT, or {remedy}"
        ) from error
