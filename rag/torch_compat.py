"""Makes torchvision importable where its library was built for another torch.

PyPI's torchvision is a CUDA build; beside a CPU torch its operators do not load, its import fails
("operator torchvision::nms does not exist") and takes transformers and sentence-transformers
with it. Nothing of ours calls those operators. Images are decoded by PIL everywhere.
"""

import importlib
import sys
from typing import Any

_declared: list[Any] = []  # a declaration lives as long as its library object


def make_torchvision_importable() -> None:
    """Does nothing where the plain import works, or where torchvision is not installed."""
    try:
        importlib.import_module("torchvision")
    except ModuleNotFoundError:
        return
    except (RuntimeError, OSError):
        # What the failed import left behind would be found half-made by the next one.
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        _declare_operators()
        importlib.import_module("torchvision")


def _declare_operators() -> None:
    """The two schemas whose shape functions torchvision registers while it is imported."""
    import torch

    open_library: Any = torch.library.Library  # without types in torch
    library = open_library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)
