"""FOLDER -> CHECKED FOLDER: what a local model needs to be loaded, looked at before any memory is taken.

Reads names, config.json and the index of the weights; never a weight.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError
from rag.vl.profile import expert_count, sparse_config

WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
# Each of these is needed; any of a group will do.
NEEDED = (
    ("tokenizer.json", "vocab.json"),
    ("processor_config.json", "preprocessor_config.json"),
)


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """`context`: tokens that prompt and answer may take together."""

    path: Path
    config: Any
    experts: int
    context: int

    @property
    def name(self) -> str:
        return self.path.resolve().name


def check_folder(path: Path) -> ModelFolder:
    """Raises InputError for what is no folder, lacks a file, or holds a dense or text-only model."""
    if not path.is_dir():
        raise InputError(f"{str(path)!r} is no model folder; give the folder that holds config.json")
    config = sparse_config(str(path))
    for group in NEEDED:
        if not any((path / name).is_file() for name in group):
            raise InputError(f"model folder {str(path)!r} lacks {' or '.join(group)}")
    for name in weight_files(path):
        if not (path / name).is_file():
            raise InputError(f"model folder {str(path)!r} lacks {name}")
    text = config.get_text_config()
    return ModelFolder(path, config, expert_count(text), int(text.max_position_embeddings))


def weight_files(path: Path) -> list[str]:
    """Names of the files that hold the weights. Raises InputError for an index that is none."""
    index = path / WEIGHTS_INDEX
    if not index.is_file():
        return [WEIGHTS]
    try:
        return sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError) as error:
        raise InputError(f"{index} is no index of weights: {error}") from error
