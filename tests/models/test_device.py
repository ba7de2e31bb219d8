"""What a log says of the machine."""

import pytest
import torch

from models.device import described, slow_format

ZEN = {"cpu_name": "AMD EPYC", "avx512_f": True, "avx512_bf16": True}


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (ZEN, "products in float32 by oneDNN, of training in bfloat16"),
        ({"cpu_name": "Intel Xeon", "avx512_f": True, "amx_bf16": True}, "float32 by MKL, of training in bfloat16"),
        ({"cpu_name": "AMD Ryzen", "avx2": True}, "float32 by MKL, of training in float32"),
    ],
)
def test_a_cpu_is_told_by_its_name_and_how_it_multiplies(monkeypatch, known, said):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    told = described(torch.device("cpu"))
    assert told.startswith(f"{known['cpu_name']}, {torch.get_num_threads()} threads; ")
    assert said in told


@pytest.mark.parametrize(("known", "instead"), [(ZEN, "bfloat16 or float32"), ({"avx2": True}, "to float32")])
def test_float16_on_a_cpu_is_told_to_be_slow_and_what_to_take_instead(monkeypatch, known, instead):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known)
    assert instead in slow_format(torch.device("cpu"), torch.float16)
    for device, dtype in (("cpu", torch.float32), ("cpu", torch.bfloat16), ("cuda", torch.float16)):
        assert not slow_format(torch.device(device), dtype)
    assert "fifty times as slowly" in described(torch.device("cpu"), torch.float16)
    assert "slow" not in described(torch.device("cpu"))
