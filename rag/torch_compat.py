"""Makes torchvision importable where its library was built for another torch.

PyPI's torchvision is a CUDA build; beside a CPU torch its operators do not load, its import fails
("operator torchvision::nms does not exist") and takes transformers and sentence-transformers
with it. Nothing of ours calls those operators. Images are decoded by PIL everywhere: its own decoders are
not there either, and transformers' image processors call them for what is given by address.
"""

import importlib
import sys
from io import BytesIO
from pathlib import Path
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
        _decode_with_pil(importlib.import_module("torchvision.io"))


def _declare_operators() -> None:
    """The two schemas whose shape functions torchvision registers while it is imported."""
    import torch

    open_library: Any = torch.library.Library  # without types in torch
    library = open_library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)


def _decode_with_pil(io: Any) -> None:
    """Puts a decoder on PIL in the place of torchvision's, which needs its library."""
    import numpy as np
    import torch
    from PIL import Image

    def decode_image(input: Any, mode: Any = None, **_: Any) -> Any:  # noqa: A002 torchvision's name
        """Bytes as a uint8 tensor, or a path -> (channels, height, width), uint8. As torchvision, but always RGB."""
        source = input if isinstance(input, str | Path) else BytesIO(input.numpy().tobytes())
        with Image.open(source) as image:
            return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)

    io.decode_image = io.image.decode_image = decode_image
