"""Growth without retraining, shown on a small task: a layer learns one, grows, learns another, keeps the first.

Takes about a second on one core. torch is imported at its top through `rag.vl.moe`; import it late.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from rag.vl.moe import SparseExperts

SIZE, HIDDEN, ACTIVE = 8, 32, 2
OLD, NEW = 4, 2  # experts
EXAMPLES, STEPS = 256, 200


@dataclass(frozen=True, slots=True)
class Growth:
    """Mean squared errors; `forgotten`: the largest change of an output of the first task, after all."""

    first_error: float
    second_error_before: float
    second_error: float
    forgotten: float
    old_weights_changed: bool
    trained_share: float


def grow_and_learn(seed: int = 0) -> Growth:
    """Two tasks on inputs that lie apart; only the added experts train on the second. Deterministic."""
    with torch.random.fork_rng(devices=[]), _one_thread():
        torch.manual_seed(seed)
        layer = SparseExperts(SIZE, HIDDEN, OLD, ACTIVE)
        side = functional.one_hot(torch.tensor(0), SIZE) * 6.0
        first, second = torch.randn(EXAMPLES, SIZE) - side, torch.randn(EXAMPLES, SIZE) + side
        wanted_first, wanted_second = first.roll(1, 1), -second.flip(1)

        def error(inputs: Tensor, wanted: Tensor) -> Tensor:
            return functional.mse_loss(layer(inputs), wanted)

        _learn(layer.parameters(), lambda: error(first, wanted_first) + 0.01 * layer.balance_loss(first))
        learned, outputs = error(first, wanted_first).item(), layer(first).detach()
        layer.add_experts(NEW)
        layer.open_gates(second)
        unlearned = error(second, wanted_second).item()
        kept = layer.down_proj[:OLD].detach().clone()
        _learn(layer.new_parameters(), lambda: error(second, wanted_second))
        return Growth(
            first_error=learned,
            second_error_before=unlearned,
            second_error=error(second, wanted_second).item(),
            forgotten=float((layer(first).detach() - outputs).abs().max()),
            old_weights_changed=not torch.equal(layer.down_proj[:OLD], kept),
            trained_share=NEW / (OLD + NEW),
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Layers this small are done before a second thread has woken; on a busy machine each step would wait for it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _learn(parameters: Iterable[nn.Parameter], loss_of: Callable[[], Tensor]) -> None:
    optimizer = torch.optim.Adam(parameters, 1e-2)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss_of().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
