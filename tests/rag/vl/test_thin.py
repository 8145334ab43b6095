"""Kernels on weights as they lie give what the unpacked weights give."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from rag.vl.thin import GROUP, Pairs, ThinProducts, packed_nibbles, unpacked_nibbles

EXPERTS, OUTPUTS = 5, 24


def halves(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Floats cut to bfloat16."""
    return (values.view(np.uint32) >> 16).astype(np.uint16)


def real(values: NDArray[np.uint16]) -> NDArray[np.float32]:
    return (values.astype(np.uint32) << 16).view(np.float32)


@pytest.fixture(scope="module", params=[1, 3])
def products(request: pytest.FixtureRequest) -> ThinProducts:
    return ThinProducts(request.param)


def test_a_copied_model_works_with_the_same_threads(products: ThinProducts) -> None:
    assert deepcopy({"thin": products})["thin"] is products


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, EXPERTS - 1), min_size=1, max_size=20), st.integers(1, 3), st.integers(0, 99))
def test_every_kernel_equals_the_product_with_unpacked_weights(
    products: ThinProducts, chosen: list[int], groups: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    experts, counts = np.unique(chosen, return_counts=True)
    rows = random.integers(0, 4, len(chosen))
    pairs = Pairs(experts, np.concatenate([[0], counts.cumsum()]), rows)
    size = groups * GROUP
    inputs = random.normal(size=(4, size)).astype(np.float32)
    shape = (EXPERTS, OUTPUTS, size)

    def expected(weights: NDArray[np.float32]) -> NDArray[np.float32]:
        product: NDArray[np.float32] = np.einsum("poi,pi->po", weights[np.sort(chosen)], inputs[rows])
        return product

    plain = halves(random.normal(size=shape).astype(np.float32))
    assert_allclose(products.bf16(pairs, inputs, plain), expected(real(plain)), rtol=1e-4, atol=1e-3)

    bytes_, scales = (
        random.integers(-127, 128, shape).astype(np.int8),
        halves(random.random(shape[:2]).astype(np.float32)),
    )
    unpacked = bytes_ * real(scales)[..., None]
    assert_allclose(products.int8(pairs, inputs, bytes_, scales), expected(unpacked), rtol=1e-4, atol=1e-2)

    steps = random.integers(0, 16, shape).astype(np.uint8)
    both = halves(random.normal(size=(*shape[:2], 2, groups)).astype(np.float32))
    scale, zero = (real(both)[:, :, side, :, None] for side in (0, 1))
    unpacked = (steps.reshape(*shape[:2], groups, GROUP) * scale + zero).reshape(shape)
    found = products.int4(pairs, inputs, packed_nibbles(steps), both)
    assert_allclose(found, expected(unpacked), rtol=1e-3, atol=2e-2)


@given(st.integers(1, 4), st.integers(0, 99))
def test_nibbles_come_back_as_they_were(groups: int, seed: int) -> None:
    steps = np.random.default_rng(seed).integers(0, 16, (3, groups * GROUP)).astype(np.uint8)
    words = packed_nibbles(steps)
    assert words.nbytes * 2 == steps.nbytes
    assert (unpacked_nibbles(words) == steps).all()
