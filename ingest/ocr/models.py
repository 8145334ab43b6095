"""The two networks of PP-OCRv6 (small) on OpenVINO: where text is, and what it says.

Their files lie inside the wheel of rapidocr, which itself is not imported: it could download.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import SettingsError
from core.imports import left_out
from ingest.ocr.pictures import Picture

_MODELS = "rapidocr"
_THREADS = 1  # files are read side by side: a second thread for each costs a quarter more CPU


class Recognizer(NamedTuple):
    request: Any
    characters: list[str]


@lru_cache(maxsize=1)
def detector() -> Any:
    return _compiled("PP-OCRv6_det_small.onnx")[0]


@lru_cache(maxsize=1)
def recognizer() -> Recognizer:
    request, model = _compiled("PP-OCRv6_rec_small.onnx")
    characters = str(model.get_rt_info(["framework", "character"]).value).splitlines()
    # Index 0 is CTC's blank, the last one the space, which the list leaves out.
    return Recognizer(request, ["", *characters, " "])


def _compiled(name: str) -> tuple[Any, Any]:
    """The network of a file, ready to be asked, and as it was read."""
    import cv2

    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(False)
    package = find_spec(_MODELS)
    if package is None or package.origin is None:
        raise SettingsError("the package 'rapidocr', which holds the OCR models, is not installed")
    core = _core()
    model = core.read_model(Path(package.origin).parent / "models" / name)
    return core.compile_model(model, "CPU").create_infer_request(), model


@lru_cache(maxsize=1)
def _core() -> Any:
    with left_out("openvino.tools.ovc"):  # converts models; loads an HTTP client and telemetry for that
        import openvino

    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": _THREADS, "NUM_STREAMS": 1})
    return core


def infer(model: Any, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The model's answer; it lies in the model's own memory until the next question."""
    try:
        model.infer([pixels])
    except RuntimeError as error:
        # OpenVINO has no type of its own for this.
        if "alloc" in str(error):
            raise MemoryError from error
        raise
    answer: NDArray[np.float32] = model.get_output_tensor().data
    return answer


def normalized(picture: Picture) -> NDArray[np.float32]:
    """(height, width, 3) bytes -> (3, height, width) in [-1, 1], as both models were trained."""
    return (picture.astype(np.float32) / 127.5 - 1.0).transpose(2, 0, 1)
