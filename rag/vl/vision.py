"""PATCHES -> IMAGE FEATURES, once for each image: the vision tower's output kept by the hash of the pixels.

transformers takes ready features as `mm_encoder_outputs`. Features of one image do not depend on the
others, so what was encoded in one batch serves any other.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from rag.vl.caches import Lru
from rag.vl.inputs import Inputs, Patches


class VisionCache:
    """For one model, on its generating thread. `room`: bytes; 0 keeps nothing."""

    def __init__(self, model: Any, room: int) -> None:
        self._model = model
        self._kept: Lru[str, Mapping[str, Any]] = Lru(room)

    def inputs(self, batch: Sequence[Inputs]) -> dict[str, Any]:
        """`image_grid_thw` and the features of all images of a batch, in its order; empty without images."""
        keys = [key for inputs in batch for key in inputs.keys]
        if not keys:
            return {}
        patches = dict(zip(keys, (each for inputs in batch for each in inputs.patches)))
        features = self._features(patches)
        grids = [patches[key].tensors["image_grid_thw"] for key in keys]
        return {
            "image_grid_thw": _joined(grids).to(self._model.device),
            "mm_encoder_outputs": {"image": _merged([features[key] for key in keys])},
        }

    def _features(self, patches: Mapping[str, Patches]) -> dict[str, Mapping[str, Any]]:
        found = {key: self._kept.get(key) for key in patches}
        missing = [key for key, features in found.items() if features is None]
        if missing:
            for key, features in zip(missing, self._encoded([patches[key] for key in missing])):
                found[key] = features
                self._kept.put(key, features, sum(tensor.nbytes for tensor in _tensors(features)))
        return {key: features for key, features in found.items() if features is not None}

    def _encoded(self, patches: Sequence[Patches]) -> list[Mapping[str, Any]]:
        tensors = {
            name: _joined([each.tensors[name] for each in patches]).to(self._model.device)
            for name in patches[0].tensors
        }
        output = self._model.get_image_features(**tensors)
        return [_one(output, index) for index in range(len(patches))]


def _joined(tensors: Sequence[Any]) -> Any:
    import torch

    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _one(output: Any, index: int) -> Mapping[str, Any]:
    """The features of one image: the final ones, and those of each deeper level where a model has them."""
    deep = getattr(output, "deepstack_features", None)
    levels = None if deep is None else [level[index].clone() for level in deep]
    return {"pooler_output": output.pooler_output[index].clone(), "deepstack_features": levels}


def _merged(features: Sequence[Mapping[str, Any]]) -> Any:
    """The output that `get_image_features` would have given for all of them."""
    from transformers.utils.generic import ModelOutput

    merged = ModelOutput(pooler_output=tuple(each["pooler_output"] for each in features))
    if features[0]["deepstack_features"] is not None:
        merged["deepstack_features"] = [
            tuple(level) for level in zip(*(each["deepstack_features"] for each in features))
        ]
    return merged


def _tensors(features: Mapping[str, Any]) -> list[Any]:
    return list(chain([features["pooler_output"]], features["deepstack_features"] or []))
