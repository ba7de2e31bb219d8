"""What the rows of one stage depend on: its code, card fields, what it reads, and what it found outside the cards."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipelines.registry.identities.differences import differences


class Registration(Protocol):
    """Cards that were read together."""

    @property
    def card_values(self) -> Mapping[str, Any]:
        """Every field of the cards by its path, as `recipe.training.tokens`."""
        ...


class InputsDisagree(ValueError):
    """A stage reads two datasets that were made from different cards or code."""


def _nothing_more(registration: Any) -> tuple["StageIdentity", ...]:
    return ()


@dataclass(frozen=True, eq=False, slots=True)
class StageIdentity:
    """The declaration of one stage. Its identity is its own code version and fields, and those of all that it reads.

    An identity is a dict of three: `code` (version by stage), `settings` (value by card field) and `found` (by stage,
    what the cards do not say: hashes of sources, of weights, of prompts). It is what a manifest records.
    """

    name: str
    code_version: str | None
    """Raised when the stage would make other numbers from the same inputs. None for card fields that several stages
    read, and that no stage makes anything of."""
    fields: tuple[str, ...] = ()
    """Card fields that change what this stage makes, and that nothing it reads has brought in already."""
    inputs: tuple["StageIdentity", ...] = ()
    inputs_when: Callable[[Any], tuple["StageIdentity", ...]] = _nothing_more
    """What it reads besides, where the cards of a registration ask for it."""
    exempt: Mapping[str, str] = field(default_factory=dict)
    """Card fields that concern this stage and change no number of it, each with the reason."""

    def inputs_of(self, registration: Registration) -> tuple["StageIdentity", ...]:
        return (*self.inputs, *self.inputs_when(registration))

    def is_asked_by(self, registration: Registration) -> bool:
        """Whether it makes something, and of such cards."""
        return self.code_version is not None and registration.card_values.keys() >= set(self.fields)

    def reads(self, registration: Registration) -> dict[str, "StageIdentity"]:
        """The stage and all that it reads, however far away, by name."""
        found: dict[str, StageIdentity] = {self.name: self}
        for stage in self.inputs_of(registration):
            found |= stage.reads(registration)
        return found

    def asked(self, registration: Registration) -> dict[str, Any]:
        """The part of the identity that cards and code decide: known before anything is made."""
        return _of_cards(self.reads(registration).values(), registration)

    def identity(
        self,
        registration: Registration,
        read: Iterable[Mapping[str, Any]] = (),
        found: Mapping[str, Any] | None = None,
        part: str | None = None,
    ) -> dict[str, Any]:
        """The whole identity.

        Args:
            read: Identities of the datasets that are read, as their manifests record them.
            found: What the cards do not say.
            part: Which of the stage's datasets it is, where it makes several of a kind.

        Raises:
            InputsDisagree: If two inputs were made from different cards or code.
            ValueError: If `read` lacks an input.
        """
        shared = [stage for stage in self.inputs_of(registration) if stage.code_version is None]
        own = _of_cards([self, *shared], registration)
        own["found"] = {f"{self.name} at {part}" if part else self.name: dict(found)} if found else {}
        merged = _merged(self.name, [*read, own])
        wanted = {stage.name for stage in self.inputs_of(registration)} - {stage.name for stage in shared}
        if missing := sorted(wanted - merged["code"].keys()):
            raise ValueError(f"the identity of {self.name} was asked for without that of {', '.join(missing)}: pass it")
        return merged

    def changes(self, registration: Registration, recorded: Mapping[str, Any]) -> list[str]:
        """What cards and code now ask for in another way than when a dataset was made, a phrase each."""
        return differences({**recorded, "found": {}}, {**self.asked(registration), "found": {}})


def _of_cards(stages: Iterable[StageIdentity], registration: Registration) -> dict[str, Any]:
    known, values = list(stages), registration.card_values
    return {
        "code": {stage.name: stage.code_version for stage in known if stage.code_version is not None},
        "settings": {name: values[name] for stage in known for name in stage.fields},
    }


def _merged(name: str, identities: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, dict[str, Any]] = {"code": {}, "settings": {}, "found": {}}
    for identity in identities:
        for part, held in merged.items():
            both = {key: identity[part][key] for key in held.keys() & identity[part].keys()}
            if told := differences({part: {key: held[key] for key in both}}, {part: both}):
                raise InputsDisagree(
                    f"{name} reads datasets that were made from different cards or code ({'; '.join(told)}): "
                    "materialize the chain from its beginning"
                )
            held |= identity[part]
    return merged
