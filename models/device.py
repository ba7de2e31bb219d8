"""The device that work runs on where nobody chose one, and what it computes fast."""

import torch

from models.cpu_products import mkl_is_slow


def default_device() -> torch.device:
    """A CUDA GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 natively, faster than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capability = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return bool(capability.get("avx512_bf16") or capability.get("amx_bf16"))


def slow_format(device: torch.device, dtype: torch.dtype) -> str:
    """A sentence where the device multiplies numbers of this format far more slowly than float32; empty elsewhere.

    Measured on two cores of a Zen 5 with torch 2.13: 1,024 x 256 x 1,024 in 280 ms in float16, 5 in float32 and 1 in
    bfloat16.
    """
    if device.type != "cpu" or dtype is not torch.float16:
        return ""
    faster = "bfloat16 or float32" if has_fast_bfloat16(device) else "float32"
    return f"a CPU multiplies float16 some fifty times as slowly as float32: set dtype to {faster} in the model card"


def described(device: torch.device, dtype: torch.dtype = torch.float32) -> str:
    """What work in a format runs on, for a log: its name, threads, how it multiplies, and where that is slow."""
    if device.type == "cuda":
        name, wide = torch.cuda.get_device_name(device), "float32 or tf32 as torch is set"
    else:
        cpu = torch.cpu.get_capabilities().get("cpu_name", "CPU")
        name, wide = f"{cpu}, {torch.get_num_threads()} threads", f"float32 by {'oneDNN' if mkl_is_slow() else 'MKL'}"
    training = "bfloat16" if has_fast_bfloat16(device) else "float32"
    return "; ".join(filter(None, (name, f"products in {wide}, of training in {training}", slow_format(device, dtype))))
