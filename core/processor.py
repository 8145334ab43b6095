"""What the processor can do, in Linux's words for it ("avx512_bf16"). Knows nothing of what needs it."""

from functools import cache
from pathlib import Path


@cache
def processor_flags() -> frozenset[str]:
    """Empty where the system does not tell."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "flags":
                return frozenset(value.split())
    return frozenset()
