"""What this processor does fast: decides in which precision the local model computes. Knows no model."""

from core.processor import processor_flags


def bfloat16_is_native() -> bool:
    """Without the processor's own instructions bfloat16 is emulated, several times slower than float32."""
    return "avx512_bf16" in processor_flags()


def has_wide_kernels() -> bool:
    """Whether torch runs its AVX-512 kernels here; its others are slow for narrow weights."""
    import torch

    return str(torch.backends.cpu.get_cpu_capability()).startswith("AVX512")
