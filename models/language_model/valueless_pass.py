"""A pass on tensors that have shapes and no values: which tensor passes where in a block, and which are added."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from models.language_model.hooks import entering, leaving
from models.language_model.module_map import HookPoint, ModuleMap, text_model

Place = tuple[str, Literal["in", "out"]]
"""The path of a module as seen from its block, and its entry or exit."""
_N_TOKENS = 4


class ValuelessPass:
    """The tensors that pass the modules of a model's first block. The model is on the meta device, as built there."""

    def __init__(self, module_map: ModuleMap) -> None:
        self.passing: dict[Place, Any] = {}
        self._sums = _Sums()
        for path, module in module_map.blocks[0].named_modules():
            self._watch(path, module)
        base, embedding = text_model(module_map.model), module_map.embedding
        with torch.device("meta"), torch.no_grad(), self._sums:
            # Token ids would be looked at for padding, which has no answer without values.
            base(inputs_embeds=embedding(torch.zeros(1, _N_TOKENS, dtype=torch.long)))

    def _watch(self, path: str, module: nn.Module) -> None:
        def enter(_: nn.Module, args: Any, kwargs: Any) -> None:
            self.passing[path, "in"] = entering(args, kwargs)

        def leave(_: nn.Module, __: Any, output: Any) -> None:
            self.passing[path, "out"] = leaving(output)

        module.register_forward_pre_hook(enter, with_kwargs=True)
        module.register_forward_hook(leave)

    def places_of(self, point: HookPoint) -> list[Place]:
        """Where the tensor of a point passes, the point itself first."""
        value = self.passing.get((point.path, point.side))
        same = [place for place, other in self.passing.items() if other is value] if value is not None else []
        return list(dict.fromkeys([(point.path, point.side), *same]))

    def held_to(self, points: Mapping[str, HookPoint], stream_is_normed: bool) -> dict[str, HookPoint]:
        """The points that are what their kinds say: those of a sublayer behind its norm where what it gives out is
        normed before it is added, none where a multiple of it is added; `resid_mid` where it is a sum."""
        found = {kind: point for kind, point in points.items() if kind not in ("attn_out", "mlp_out", "resid_mid")}
        for kind in ("attn_out", "mlp_out"):
            if (point := next(self._added(points[kind]), None)) is not None:
                found[kind] = point
        mid = points.get("resid_mid")
        if mid is not None and (stream_is_normed or _is_among(self._sums.results, self.passing[mid.path, mid.side])):
            found["resid_mid"] = mid
        return found

    def _added(self, point: HookPoint) -> Iterator[HookPoint]:
        places = self.places_of(point)
        if _is_among(self._sums.operands, self.passing[places[0]]):
            yield point
        for path, side in places:
            if side == "in" and _is_among(self._sums.operands, self.passing[path, "out"]):
                yield HookPoint(path, "out")


class _Sums(TorchFunctionMode):
    """Keeps what is added to what: kept, no tensor's identity goes to another one."""

    def __init__(self) -> None:
        super().__init__()
        self.operands: list[Tensor] = []
        self.results: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") in ("add", "add_", "__add__", "__radd__", "__iadd__"):
            self.operands += [one for one in args if isinstance(one, Tensor)]
            self.results.append(result)
        return result


def _is_among(tensors: list[Tensor], value: Any) -> bool:
    return any(one is value for one in tensors)
