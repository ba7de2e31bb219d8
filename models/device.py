"""The device that work runs on where nobody chose one, and what it computes fast."""

import torch


def default_device() -> torch.device:
    """A CUDA GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 natively, faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capability = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return bool(capability.get("avx512_bf16") or capability.get("amx_bf16"))
