"""FEW TOKENS x EXPERT WEIGHTS AS THEY LIE, in float32, bfloat16, int8 or int4.

A token through an expert costs what reading the expert costs, if arithmetic keeps up. torch's kernels for
narrow weights take half as long again with AVX-512, without it two to three times as long as these, which
numba compiles for the processor it finds, once in a process; and a call for each expert costs more than a
small expert. Knows arrays and rows; nothing of models.

A kernel takes pairs of a token and an expert, sorted by expert, so that an expert's row is read once for
all of its tokens. It works on the outputs `low` to `high`: threads share a product by outputs.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, reduce
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

GROUP = 64  # inputs that share a scale and a zero in int4
NIBBLES = 4  # in a 16-bit word of packed int4
WORDS = GROUP // NIBBLES  # of a group
LARGEST = 32_767  # an activation as a 16-bit integer; 64 products with 15 stay far below 2**31

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Expert `experts[i]` takes the rows `rows[starts[i] : starts[i + 1]]` of the inputs."""

    experts: Integers
    starts: Integers
    rows: Integers


class ThinProducts:
    """Products of pairs with packed weights (E, outputs, ...), spread over `threads`."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "thin-products") if threads > 1 else None
        self._kernels = _compiled()

    def __deepcopy__(self, memo: dict[int, object]) -> "ThinProducts":
        """A copy of a model works with the same threads: they hold nothing of it."""
        return self

    def compile(self, kind: Literal["full", "bf16", "int8", "int4"]) -> None:
        """Now, by a product of nothing, so that nobody waits for it later: about a second in a process."""
        pairs = Pairs(*(np.array(each, np.int64) for each in ([0], [0, 1], [0])))
        inputs, scales = np.zeros((1, GROUP), np.float32), np.zeros((1, 1), np.uint16)
        match kind:
            case "full":
                self.full(pairs, inputs, inputs[None])
            case "bf16":
                self.bf16(pairs, inputs, np.zeros((1, 1, GROUP), np.uint16))
            case "int8":
                self.int8(pairs, inputs, np.zeros((1, 1, GROUP), np.int8), scales)
            case "int4":
                both = np.zeros((1, 1, 2, 1), np.uint16)
                self.int4(pairs, inputs, packed_nibbles(np.zeros((1, 1, GROUP), np.uint8)), both)

    def full(self, pairs: Pairs, inputs: Floats, weights: Floats) -> Floats:
        """Inputs (T, in), weights (E, out, in) -> (pairs, out)."""
        return self._spread(self._kernels.full, pairs, weights.shape[1], inputs, weights)

    def bf16(self, pairs: Pairs, inputs: Floats, weights: NDArray[np.uint16]) -> Floats:
        """As `full`, of weights the upper halves of float32."""
        return self._spread(self._kernels.bf16, pairs, weights.shape[1], inputs, weights)

    def int8(
        self, pairs: Pairs, inputs: Floats, weights: NDArray[np.int8], scales: NDArray[np.uint16]
    ) -> Floats:
        """Weights (E, out, in), scales (E, out) in bfloat16 -> (pairs, out)."""
        return self._spread(self._kernels.int8, pairs, weights.shape[1], inputs, weights, scales)

    def int4(
        self, pairs: Pairs, inputs: Floats, weights: NDArray[np.uint16], scales: NDArray[np.uint16]
    ) -> Floats:
        """Weights (E, out, in / 4) as `packed_nibbles` lays them, scales (E, out, 2, groups): scale and zero -> (pairs, out).

        Activations are rounded to 16 bits, a three-hundredth of what int4 weights lose.
        """
        tokens, size = inputs.shape
        words = np.empty((tokens, NIBBLES, size // NIBBLES), np.int16)
        sums = np.empty((tokens, size // GROUP), np.float32)
        steps = np.empty(tokens, np.float32)
        self._kernels.rounded(inputs, words, sums, steps)
        return self._spread(self._kernels.int4, pairs, weights.shape[1], words, sums, steps, weights, scales)

    def _spread(self, kernel: Callable[..., None], pairs: Pairs, outputs: int, *operands: Any) -> Floats:
        found = np.empty((len(pairs.rows), outputs), np.float32)
        given = (pairs.experts, pairs.starts, pairs.rows, *operands, found)
        if self._pool is None:
            kernel(*given, 0, outputs)
            return found
        bounds = [outputs * part // self._threads for part in range(self._threads + 1)]
        parts = [self._pool.submit(kernel, *given, low, high) for low, high in pairwise(bounds)]
        for part in parts:
            part.result()
        return found


def packed_nibbles(steps: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """(..., inputs) of 0 to 15 -> (..., inputs / 4): nibble s of word j holds input 16 * s + j of its group.

    So the four nibbles of neighbouring words meet neighbouring activations, and no byte has to move.
    """
    grouped = steps.reshape(*steps.shape[:-1], -1, NIBBLES, WORDS).astype(np.uint16)
    words = sum(
        (grouped[..., nibble, :] << np.uint16(4 * nibble) for nibble in range(1, NIBBLES)), grouped[..., 0, :]
    )
    return np.ascontiguousarray(words.reshape(*steps.shape[:-1], -1))


def unpacked_nibbles(words: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """What `packed_nibbles` packed."""
    grouped = words.reshape(*words.shape[:-1], -1, 1, WORDS)
    shifts = np.arange(0, 4 * NIBBLES, 4, dtype=np.uint16).reshape(NIBBLES, 1)
    steps = (grouped >> shifts) & np.uint16(15)
    return steps.astype(np.uint8).reshape(*words.shape[:-1], -1)


# ---------------------------------------------------------------- kernels


@dataclass(frozen=True, slots=True)
class _Kernels:
    full: Callable[..., None]
    bf16: Callable[..., None]
    int8: Callable[..., None]
    int4: Callable[..., None]
    rounded: Callable[..., None]


@cache
def _compiled() -> _Kernels:
    """The loops are written so that the compiler can make vectors of them: one running sum, no branches."""
    from numba import njit, types
    from numba.extending import intrinsic

    compiled = njit(nogil=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")

    @intrinsic  # type: ignore[untyped-decorator]
    def dot_of_groups(_context: Any, words: Any, line: Any, activations: Any, row: Any, scales: Any) -> Any:
        return types.float32(words, line, activations, row, scales), _build_dot_of_groups

    @compiled  # type: ignore[untyped-decorator]
    def real(half: Any) -> Any:
        return np.uint32(np.uint32(half) << np.uint32(16)).view(np.float32)

    @compiled  # type: ignore[untyped-decorator]
    def full(
        experts: Any, starts: Any, rows: Any, inputs: Any, weights: Any, found: Any, low: int, high: int
    ) -> None:
        for turn, expert in enumerate(experts):
            for output in range(low, high):
                for pair in range(starts[turn], starts[turn + 1]):
                    row, total = rows[pair], np.float32(0)
                    for index in range(inputs.shape[1]):
                        total += weights[expert, output, index] * inputs[row, index]
                    found[pair, output] = total

    @compiled  # type: ignore[untyped-decorator]
    def bf16(
        experts: Any, starts: Any, rows: Any, inputs: Any, weights: Any, found: Any, low: int, high: int
    ) -> None:
        for turn, expert in enumerate(experts):
            for output in range(low, high):
                for pair in range(starts[turn], starts[turn + 1]):
                    row, total = rows[pair], np.float32(0)
                    for index in range(inputs.shape[1]):
                        total += real(weights[expert, output, index]) * inputs[row, index]
                    found[pair, output] = total

    @compiled  # type: ignore[untyped-decorator]
    def int8(
        experts: Any, starts: Any, rows: Any, inputs: Any, weights: Any, scales: Any, found: Any,
        low: int, high: int,
    ) -> None:  # fmt: skip
        for turn, expert in enumerate(experts):
            for output in range(low, high):
                for pair in range(starts[turn], starts[turn + 1]):
                    row, total = rows[pair], np.float32(0)
                    for index in range(inputs.shape[1]):
                        total += np.float32(weights[expert, output, index]) * inputs[row, index]
                    found[pair, output] = total * real(scales[expert, output])

    @compiled  # type: ignore[untyped-decorator]
    def int4(
        experts: Any, starts: Any, rows: Any, words: Any, sums: Any, steps: Any, weights: Any, scales: Any,
        found: Any, low: int, high: int,
    ) -> None:  # fmt: skip
        groups, outputs = sums.shape[1], weights.shape[1]
        decoded = np.empty(groups, np.float32)
        for turn, expert in enumerate(experts):
            for output in range(low, high):
                for group in range(groups):
                    decoded[group] = real(scales[expert, output, 0, group])
                for pair in range(starts[turn], starts[turn + 1]):
                    row, total = rows[pair], np.float32(0)
                    for group in range(groups):
                        total += real(scales[expert, output, 1, group]) * sums[row, group]
                    total += dot_of_groups(weights, expert * outputs + output, words, row, decoded)
                    found[pair, output] = total * steps[row]

    @compiled  # type: ignore[untyped-decorator]
    def rounded(inputs: Any, words: Any, sums: Any, steps: Any) -> None:
        for row in range(inputs.shape[0]):
            largest = np.float32(1e-20)
            for index in range(inputs.shape[1]):
                largest = max(largest, abs(inputs[row, index]))
            steps[row] = largest / np.float32(LARGEST)
            for group in range(sums.shape[1]):
                total = np.float32(0)
                for nibble in range(NIBBLES):
                    for word in range(WORDS):
                        value = np.rint(inputs[row, group * GROUP + nibble * WORDS + word] / steps[row])
                        words[row, nibble, group * WORDS + word] = np.int16(value)
                        total += value
                sums[row, group] = total

    return _Kernels(full, bf16, int8, int4, rounded)


def _build_dot_of_groups(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Sum over the groups of line `line` of words, each a scale times its products with activations of `row`.

    No compiler finds these vectors in a plain loop, since each group ends in a scale.
    """
    from llvmlite import ir
    from numba.core import cgutils

    words, activations, scales = (
        context.make_array(signature.args[index])(context, builder, arguments[index]) for index in (0, 2, 4)
    )
    size, lanes = ir.IntType(64), ir.VectorType(ir.FloatType(), WORDS // 2)
    (groups,) = cgutils.unpack_tuple(builder, scales.shape, 1)
    stride = builder.mul(groups, size(WORDS))
    line = builder.gep(words.data, [builder.mul(arguments[1], stride)])
    row = builder.gep(activations.data, [builder.mul(arguments[3], builder.mul(stride, size(NIBBLES)))])
    total = cgutils.alloca_once_value(builder, ir.Constant(lanes, [0.0] * lanes.count))
    with cgutils.for_range(builder, groups) as loop:
        at = builder.mul(loop.index, size(WORDS))
        streams = [
            builder.gep(row, [builder.add(builder.mul(stride, size(nibble)), at)])
            for nibble in range(NIBBLES)
        ]
        sums = _products_of_group(builder, builder.gep(line, [at]), streams)
        scale = _everywhere(builder, builder.load(builder.gep(scales.data, [loop.index])), lanes.count)
        scaled = builder.fmul(builder.sitofp(sums, lanes), scale, flags=["contract"])
        builder.store(builder.fadd(builder.load(total), scaled, flags=["contract"]), total)
    summed = builder.load(total)
    parts = [builder.extract_element(summed, ir.IntType(32)(lane)) for lane in range(lanes.count)]
    return reduce(builder.fadd, parts)


def _products_of_group(builder: Any, words: Any, streams: Sequence[Any]) -> Any:
    """64 products of a vector of words, four times a nibble of each against as many activations; neighbours are
    added in 32 bits, which with the product is one instruction on x86. -> eight sums.
    """
    from llvmlite import ir

    narrow, wide = ir.VectorType(ir.IntType(16), WORDS), ir.VectorType(ir.IntType(32), WORDS)

    def loaded(pointer: Any) -> Any:
        return builder.load(builder.bitcast(pointer, narrow.as_pointer()), align=2)

    held, sums = loaded(words), []
    for nibble, stream in enumerate(streams):
        shifted = builder.lshr(held, ir.Constant(narrow, [4 * nibble] * WORDS))
        steps = builder.and_(shifted, ir.Constant(narrow, [15] * WORDS))
        product = builder.mul(builder.sext(steps, wide), builder.sext(loaded(stream), wide))
        for side in (0, 1):
            lanes = ir.Constant(ir.VectorType(ir.IntType(32), WORDS // 2), list(range(side, WORDS, 2)))
            sums.append(builder.shuffle_vector(product, product, lanes))
    return reduce(builder.add, sums)


def _everywhere(builder: Any, value: Any, lanes: int) -> Any:
    """A value in all lanes of a vector."""
    from llvmlite import ir

    kind, wide = ir.VectorType(value.type, lanes), ir.IntType(32)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, wide(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(wide, lanes), [0] * lanes))
