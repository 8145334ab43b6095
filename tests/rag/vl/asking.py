"""How tests ask about a chart."""

from typing import Any

from langchain_core.messages import HumanMessage

from rag.vl.miniature.charts import Chart


def about(chart: Chart, text: str, **marks: Any) -> list[Any]:
    """One user message: the chart, then the question."""
    image = {"type": "image", "image": chart.image, **marks}
    return [HumanMessage([image, {"type": "text", "text": text}])]
