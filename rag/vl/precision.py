"""CHECKPOINT -> MODEL IN THE PRECISION ASKED FOR, proven by the bytes of its expert tensors.

Experts are three-dimensional tensors, 93 % of a sparse model's weights, and common quantisers skip
them without a word. Here they are packed to int8 (a scale for each output) or int4 (groups of
`GROUP` inputs with scale and zero) and run through torch's CPU kernels; after loading, the bytes are
counted and a mismatch is an error. Checkpoints in FP8 are read as bfloat16 where the hardware has no FP8.
"""

from functools import cache
from pathlib import Path
from typing import Any, Literal

from core.errors import BackendError, InputError
from rag.torch_compat import make_torchvision_importable
from rag.vl.folder import ModelFolder

Dtype = Literal["auto", "bf16", "fp32"]
Experts = Literal["as_is", "int8", "int4"]

GROUP = 64  # inputs that share a scale and a zero in int4
INT4_OUTPUTS = 16  # the int4 kernel takes outputs in multiples of this
# Above this many tokens for one expert its weights are unpacked once and multiplied densely.
DENSE_FROM = 32
INT8, INT4 = "sightline_int8", "sightline_int4"


@cache
def bfloat16_is_native() -> bool:
    """Without the processor's own instructions bfloat16 is emulated, several times slower than float32."""
    information = Path("/proc/cpuinfo")
    return information.exists() and "avx512_bf16" in information.read_text("utf-8")


def load_model(folder: ModelFolder, dtype: Dtype, device: str) -> Any:
    """Raises InputError where the device is not there, BackendError where weights are not what the config says."""
    make_torchvision_importable()
    import torch
    from transformers import AutoModelForImageTextToText

    place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if place.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device {place!r} is not there; use 'cpu' or 'auto'")
    model, told = AutoModelForImageTextToText.from_pretrained(
        folder.path, dtype=_dtype(dtype, place), output_loading_info=True, **_reading_fp8(folder, place)
    )
    missing = sorted(told["missing_keys"])
    if missing:
        raise BackendError(f"{str(folder.path)!r} lacks {len(missing)} weights, {missing[0]!r} the first")
    return model.to(place).eval()


def _dtype(dtype: Dtype, place: str) -> Any:
    import torch

    if dtype == "auto":
        fast = place.startswith("cuda") or bfloat16_is_native()
        return torch.bfloat16 if fast else torch.float32
    return {"bf16": torch.bfloat16, "fp32": torch.float32}[dtype]


def _reading_fp8(folder: ModelFolder, place: str) -> dict[str, Any]:
    """FP8 checkpoints hold blocks with scales; the CPU has no kernels for them."""
    held = getattr(folder.config, "quantization_config", None)
    if not held or held.get("quant_method") != "fp8" or place.startswith("cuda"):
        return {}
    from transformers import FineGrainedFP8Config

    blocks = held.get("weight_block_size")
    kept = held.get("modules_to_not_convert")
    return {
        "quantization_config": FineGrainedFP8Config(
            dequantize=True, weight_block_size=blocks, modules_to_not_convert=kept
        )
    }


# ---------------------------------------------------------------- experts


def expert_modules(model: Any) -> list[Any]:
    """The modules that hold an expert dimension: `gate_up_proj` and `down_proj`, packed or not."""
    return [
        module
        for module in model.modules()
        if hasattr(module, "gate_up_proj") and hasattr(module, "down_proj")
    ]


def expert_bytes(model: Any) -> int:
    """Bytes of all expert weights as they lie in memory, scales included."""
    return sum(
        tensor.nbytes
        for module in expert_modules(model)
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False))
    )


def quantize_experts(model: Any, precision: Experts) -> None:
    """Packs all experts in place, layer by layer, and checks that they shrank to what was asked.

    Raises InputError for shapes that the kernels do not take, BackendError where bytes do not fit.
    """
    modules = expert_modules(model)
    if not modules:
        raise InputError(f"{type(model).__name__} has no experts that Sightline knows to find")
    if precision == "as_is":
        return
    if model.device.type != "cpu":
        raise InputError(
            f"{precision} experts run on the CPU only; on {model.device} use bf16 or an FP8 checkpoint"
        )
    expected = sum(_packed_bytes(module, precision) for module in modules)
    for module in modules:
        pack_experts(module, precision)
    model.set_experts_implementation(INT8 if precision == "int8" else INT4)
    check_expert_bytes(model, expected, precision)


def check_expert_bytes(model: Any, expected: int, precision: str) -> None:
    """Raises BackendError where the experts are not of the size that `precision` gives."""
    found = expert_bytes(model)
    if found != expected:
        raise BackendError(
            f"experts asked for in {precision}: {expected:,} bytes expected, {found:,} found in memory"
        )


def pack_experts(module: Any, precision: Experts) -> None:
    """Replaces both weights of an experts module by packed buffers of the same names."""
    pack = _pack_int8 if precision == "int8" else _pack_int4
    _register()
    for name in ("gate_up_proj", "down_proj"):
        weights = getattr(module, name).detach()
        packed, scales = pack(weights)
        delattr(module, name)
        module.register_buffer(name, packed, persistent=False)
        module.register_buffer(f"{name}_scales", scales, persistent=False)


def _packed_bytes(module: Any, precision: Experts) -> int:
    total = 0
    for weights in (module.gate_up_proj, module.down_proj):
        experts, outputs, inputs = weights.shape
        if getattr(module, "is_transposed", False):
            raise InputError("experts stored transposed cannot be packed yet; use bf16")
        if precision == "int4" and (inputs % GROUP or outputs % INT4_OUTPUTS):
            raise InputError(
                f"int4 takes inputs in multiples of {GROUP} and outputs of {INT4_OUTPUTS}, not {inputs} and {outputs}"
            )
        cells = experts * outputs * inputs
        scales = experts * outputs * 2
        total += cells + scales if precision == "int8" else cells // 2 + scales * 2 * (inputs // GROUP)
    return total


def _pack_int8(weights: Any) -> tuple[Any, Any]:
    """(E, out, in) -> int8 of that shape and bf16 scales (E, out)."""
    import torch

    scales = (weights.float().abs().amax(-1) / 127).clamp(min=1e-12).to(torch.bfloat16)
    packed = (weights.float() / scales.float().unsqueeze(-1)).round().clamp(-127, 127).to(torch.int8)
    return packed, scales


def _pack_int4(weights: Any) -> tuple[Any, Any]:
    """(E, out, in) -> the kernel's own layout (E, out, in / 2) and scale and zero (E, groups, out, 2)."""
    import torch

    experts, outputs, inputs = weights.shape
    packed, scales = [], []
    for index in range(experts):
        groups = weights[index].float().view(outputs, inputs // GROUP, GROUP)
        low, high = groups.amin(-1), groups.amax(-1)
        scale = ((high - low) / 15).clamp(min=1e-8).to(torch.bfloat16)
        zero = (low + 8 * scale.float()).to(torch.bfloat16)
        steps = ((groups - zero.float().unsqueeze(-1)) / scale.float().unsqueeze(-1) + 8).round().clamp(0, 15)
        flat = steps.to(torch.int32).view(outputs, inputs)
        packed.append(torch.ops.aten._convert_weight_to_int4pack_for_cpu(flat, 1))
        scales.append(torch.stack([scale, zero], -1).transpose(0, 1).contiguous())
    return torch.stack(packed), torch.stack(scales)


# ---------------------------------------------------------------- the experts implementation


def _register() -> None:
    """Makes both known to transformers' `set_experts_implementation`; again changes nothing."""
    from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

    ALL_EXPERTS_FUNCTIONS.register(INT8, int8_experts)
    ALL_EXPERTS_FUNCTIONS.register(INT4, int4_experts)


def int8_experts(module: Any, hidden: Any, chosen: Any, weights: Any) -> Any:
    """As `_experts`, with int8 weights."""
    return _experts(module, hidden, chosen, weights, _int8_linear)


def int4_experts(module: Any, hidden: Any, chosen: Any, weights: Any) -> Any:
    """As `_experts`, with int4 weights."""
    return _experts(module, hidden, chosen, weights, _int4_linear)


def _experts(module: Any, hidden: Any, chosen: Any, weights: Any, linear: Any) -> Any:
    """Hidden (T, d), chosen and weights (T, k) -> (T, d). The kernels are fast in bfloat16 activations only."""
    import torch

    given = hidden.to(torch.bfloat16)
    result = torch.zeros_like(hidden, dtype=torch.float32)
    tokens_of = _tokens_by_expert(chosen)
    for expert, tokens, slots in tokens_of:
        states = given if len(given) == 1 else given[tokens]
        states = module._apply_gate(linear(module, "gate_up_proj", expert, states))
        states = linear(module, "down_proj", expert, states)
        result.index_add_(0, tokens, states.float() * weights[tokens, slots, None].float())
    return result.to(hidden.dtype)


def _tokens_by_expert(chosen: Any) -> list[tuple[int, Any, Any]]:
    """(expert, token indices, slot indices) of every expert that is used."""
    flat = chosen.reshape(-1)
    order = flat.argsort(stable=True)
    experts, counts = flat[order].unique_consecutive(return_counts=True)
    parts = order.split(counts.tolist())
    slots = chosen.shape[1]
    return [(expert, part // slots, part % slots) for expert, part in zip(experts.tolist(), parts)]


def _int8_linear(module: Any, name: str, expert: int, states: Any) -> Any:
    import torch

    weights, scales = getattr(module, name)[expert], getattr(module, f"{name}_scales")[expert]
    if len(states) < DENSE_FROM:
        return torch._weight_int8pack_mm(states, weights, scales)
    if bfloat16_is_native():
        return torch.nn.functional.linear(states, weights.to(torch.bfloat16)) * scales
    return (torch.nn.functional.linear(states.float(), weights.float()) * scales.float()).to(torch.bfloat16)


def _int4_linear(module: Any, name: str, expert: int, states: Any) -> Any:
    import torch

    weights, scales = getattr(module, name)[expert], getattr(module, f"{name}_scales")[expert]
    return torch.ops.aten._weight_int4pack_mm_for_cpu(states, weights, GROUP, scales)
