"""The sparse layer and the packed experts, as ratios of CPU time measured in turns within one run.

`naive_over_ours`, `ours_over_transformers`: d 512, hidden 1024, 10 experts, top 2, 512 tokens, against the naive
loop and the fastest of transformers' own implementations; `naive_over_products`: what a layer would reach whose experts
were two dense products and nothing else, the processor's bound. `int8_over_bf16`, `int4_over_bf16`: one
token through the experts of the real layer (Qwen3-VL-30B-A3B: d 2048, hidden 768, top 8), packed
against bfloat16. All in bfloat16; where the processor has no bfloat16 instructions the same in float32 too.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from bench.report import Report

SIZE, HIDDEN, EXPERTS, ACTIVE, TOKENS = 512, 1024, 10, 2, 512
REAL_SIZE, REAL_HIDDEN, REAL_ACTIVE = 2048, 768, 8
REAL_EXPERTS = 64  # of 128: enough that weights come from memory and not from a cache
ROUNDS = 5
NARROW: tuple[Literal["int8", "int4"], ...] = ("int8", "int4")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of which the fastest counts")


def run(options: argparse.Namespace) -> Report:
    import torch

    from rag.vl.processor import bfloat16_is_native

    torch.set_num_threads(1)
    torch.manual_seed(0)
    native = bfloat16_is_native()
    with torch.inference_mode():
        metrics, best = layer_ratios(torch.bfloat16, options.rounds)
        metrics |= packed_ratios(options.rounds)
        if not native:
            others, _ = layer_ratios(torch.float32, options.rounds)
            metrics |= {f"{name}_fp32": value for name, value in others.items()}
    return Report(
        bench="moe",
        data="random weights",
        metrics=metrics,
        settings={"dtype": "bf16" if native else "bf16 (emulated)", "transformers_best": best, "tokens": TOKENS, "threads": 1},
    )  # fmt: skip


def layer_ratios(dtype: Any, rounds: int) -> tuple[dict[str, float], str]:
    import torch

    from rag.vl.moe import SparseExperts, mixed, mixed_naively

    layer = SparseExperts(SIZE, HIDDEN, EXPERTS, ACTIVE).to(dtype)
    tokens = torch.randn(TOKENS, SIZE).to(dtype)
    chosen, weights = layer.route(tokens)
    names = ("eager", "grouped_mm")  # batched_mm gathers weights for every token: far slower on a CPU
    theirs = {name: _transformers_experts(layer, name) for name in names}
    work: dict[str, Callable[[], Any]] = {
        "naive": partial(mixed_naively, tokens, chosen, weights, layer.gate_up_proj, layer.down_proj),
        "ours": partial(mixed, tokens, chosen, weights, layer.gate_up_proj, layer.down_proj),
        "products": _products_alone(dtype),
        **{name: partial(experts, tokens, chosen, weights) for name, experts in theirs.items()},
    }
    seconds = fastest(work, rounds)
    best = min(names, key=seconds.__getitem__)
    return {
        "naive_over_ours": seconds["naive"] / seconds["ours"],
        "naive_over_products": seconds["naive"] / seconds["products"],
        "ours_over_transformers": seconds["ours"] / seconds[best],
    }, best


def _products_alone(dtype: Any) -> Callable[[], Any]:
    """The layer's arithmetic as two dense products, in the fastest precision of the processor."""
    import torch

    from rag.vl.processor import bfloat16_is_native

    computed = dtype if bfloat16_is_native() else torch.float32
    shapes = ((SIZE, 2 * HIDDEN), (HIDDEN, SIZE))
    pairs = [
        (torch.randn(TOKENS * ACTIVE, inputs, dtype=computed), torch.randn(outputs, inputs, dtype=computed))
        for inputs, outputs in shapes
    ]
    return lambda: [torch.nn.functional.linear(*pair) for pair in pairs]


def _transformers_experts(layer: Any, implementation: str) -> Any:
    """The experts module of transformers on the very weights of our layer."""
    experts = _empty_experts(SIZE, HIDDEN, EXPERTS, implementation).to(layer.gate_up_proj.dtype)
    experts.gate_up_proj, experts.down_proj = layer.gate_up_proj, layer.down_proj
    return experts


def _empty_experts(size: int, hidden: int, count: int, implementation: str) -> Any:
    from rag.torch_compat import make_torchvision_importable

    make_torchvision_importable()
    from transformers import Qwen3VLMoeTextConfig
    from transformers.models.qwen3_vl_moe.modeling_qwen3_vl_moe import Qwen3VLMoeTextExperts

    config = Qwen3VLMoeTextConfig(hidden_size=size, moe_intermediate_size=hidden, num_experts=count)
    config._experts_implementation = implementation
    return Qwen3VLMoeTextExperts(config)


def packed_ratios(rounds: int) -> dict[str, float]:
    """One token; each call uses other experts, so that weights come from memory as they do in use."""
    import torch

    from rag.vl.packed import Packing

    packings = {name: Packing(name) for name in NARROW}
    implementations = {"bf16": "grouped_mm", "eager": "eager"}
    implementations |= {name: packing.implementation for name, packing in packings.items()}
    modules = {}
    for name, implementation in implementations.items():
        module = _empty_experts(REAL_SIZE, REAL_HIDDEN, REAL_EXPERTS, implementation).to(torch.bfloat16)
        module.gate_up_proj.normal_(std=0.02)
        module.down_proj.normal_(std=0.02)
        if name in packings:
            packings[name].pack(module)
        modules[name] = module
    token = torch.randn(1, REAL_SIZE, dtype=torch.bfloat16)
    weights = torch.full((1, REAL_ACTIVE), 1 / REAL_ACTIVE, dtype=torch.bfloat16)
    picks = torch.stack([torch.randperm(REAL_EXPERTS)[:REAL_ACTIVE] for _ in range(8)]).unsqueeze(1)

    def one_token(module: Any) -> None:
        for pick in picks:
            module(token, pick, weights)

    seconds = fastest({name: partial(one_token, module) for name, module in modules.items()}, rounds)
    dense = min(seconds["bf16"], seconds["eager"])
    return {f"{name}_over_bf16": seconds[name] / dense for name in NARROW}


def fastest(work: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """CPU seconds of the fastest of `rounds` turns; the competitors take turns, so that all meet the same machine."""
    found: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds + 1):
        for name, do in work.items():
            began = time.process_time()
            do()
            found[name].append(time.process_time() - began)
    return {name: min(times[1:]) for name, times in found.items()}
