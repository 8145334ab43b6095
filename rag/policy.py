"""When a model is asked: the trade between cost and quality, as a setting.

unproved    only where no solver could prove an answer: the cheapest
reasoning   also where the question asks for reasons or a comparison, which copied sentences answer poorly
always      every question; the solvers' answer stands in where the model is down
"""

from collections.abc import Callable, Mapping
from typing import Literal

from core.types import Answer
from rag.plan import Kind
from rag.row import SETTLED, Task

Policy = Callable[[Task, Answer | None], bool]
"""Is the model asked, given what the solvers came to?"""

REASONING: frozenset[Kind] = frozenset({"why", "how", "comparison"})


def unproved(_task: Task, answer: Answer | None) -> bool:
    return answer is None or answer.status not in SETTLED


def reasoning(task: Task, answer: Answer | None) -> bool:
    """A computed answer is not asked again: it is proved."""
    computed = answer is not None and any(claim.derivation for claim in answer.claims)
    return unproved(task, answer) or (task.asked.kind in REASONING and not computed)


def always(_task: Task, _answer: Answer | None) -> bool:
    return True


Name = Literal["unproved", "reasoning", "always"]
POLICIES: Mapping[Name, Policy] = {"unproved": unproved, "reasoning": reasoning, "always": always}
