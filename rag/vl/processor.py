"""What this processor does fast: decides in which precision the local model computes. Knows no model."""

from functools import cache
from pathlib import Path


@cache
def bfloat16_is_native() -> bool:
    """Without the processor's own instructions bfloat16 is emulated, several times slower than float32."""
    information = Path("/proc/cpuinfo")
    return information.exists() and "avx512_bf16" in information.read_text("utf-8")


def has_wide_kernels() -> bool:
    """Whether torch runs its AVX-512 kernels here; its others are slow for narrow weights."""
    import torch

    return str(torch.backends.cpu.get_cpu_capability()).startswith("AVX512")
