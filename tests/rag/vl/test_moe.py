"""The sparse layer computes what its definition says, and grows without forgetting."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.vl.growth import grow_and_learn
from rag.vl.moe import SparseExperts, mixed_naively


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 99))
def test_it_equals_the_naive_loop(tokens: int, active: int, seed: int) -> None:
    torch.manual_seed(seed)
    layer = SparseExperts(16, 24, 9, active)
    given_tokens = torch.randn(tokens, 16)
    chosen, weights = layer.route(given_tokens)
    naive = mixed_naively(given_tokens, chosen, weights, layer.gate_up_proj, layer.down_proj)
    torch.testing.assert_close(layer(given_tokens), naive, atol=1e-5, rtol=1e-5)


def test_the_balance_loss_tells_even_from_uneven() -> None:
    torch.manual_seed(0)
    layer = SparseExperts(8, 8, 8, 1)
    even = torch.eye(8)
    with torch.no_grad():
        layer.gate.copy_(20 * torch.eye(8))
    assert layer.balance_loss(even).item() == pytest.approx(1, abs=0.01)
    assert layer.balance_loss(even[:1].repeat(8, 1)).item() == pytest.approx(8, abs=0.01)


def test_gradients_reach_gate_and_experts() -> None:
    layer = SparseExperts(8, 8, 4, 2)
    layer(torch.randn(5, 8)).square().sum().backward()
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in (layer.gate, layer.down_proj))


def test_growing_keeps_the_outputs_of_old_inputs() -> None:
    torch.manual_seed(0)
    layer = SparseExperts(16, 16, 4, 2)
    old = torch.randn(50, 16)
    before = layer(old).detach()
    layer.add_experts(3)
    assert layer.experts == 7
    torch.testing.assert_close(layer(old), before, rtol=0, atol=0)


def test_only_new_experts_learn_a_new_task_and_the_old_task_stays() -> None:
    found = grow_and_learn()
    assert found.first_error < 0.1
    assert found.second_error < found.second_error_before / 20
    assert not found.old_weights_changed
    assert found.forgotten == 0


@pytest.mark.parametrize("active", [0, 5])
def test_an_impossible_number_of_active_experts_is_refused(active: int) -> None:
    with pytest.raises(ValueError, match="4 experts"):
        SparseExperts(4, 4, 4, active)


def test_a_growth_by_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        SparseExperts(4, 4, 4, 2).add_experts(0)
