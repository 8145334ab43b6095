"""One question to a local model with its experts watched, for `sightline experts`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rag.vl.engine import Options
from rag.vl.experts import Routing


def ask_watched(folder: Path, question: str, images: Sequence[bytes]) -> tuple[str, Routing]:
    """The answer and its expert counts. Raises as `open_chat` and a request to it do."""
    from langchain_core.messages import HumanMessage

    from rag.vl.local import open_chat

    parts: list[str | dict[str, object]] = [{"type": "image", "image": image} for image in images]
    parts.append({"type": "text", "text": question})
    with open_chat(folder, Options(watch_experts=True)) as chat:
        answer = chat.invoke([HumanMessage(parts)], max_tokens=64)
    counts = answer.response_metadata["experts"]
    return str(answer.content), Routing(
        {name: np.array(each, dtype=np.int64) for name, each in counts.items()}
    )
