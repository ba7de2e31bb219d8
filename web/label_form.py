"""The form for a person's label on a feature's page, where the pages were started so that they may be edited.

The pages know no registry. Whoever starts them hands in an editor, or none; an editor refuses with a ValueError whose
sentence the page shows above what was typed, so that nothing is lost. A form carries a token that only the server's own
pages know, and what its writer had seen of the feature's labels.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from starlette.requests import Request

from web.urls import feature_url


class PersonsLabel(Protocol):
    """A label as it stands in the registry."""

    @property
    def label(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def written_at(self) -> datetime | None: ...


class LabelEditor(Protocol):
    """Writes labels into the registry."""

    def labels(self, sae_id: str, feature_id: int) -> tuple[Sequence[PersonsLabel], str]:
        """What people wrote of a feature, and what changes when that does; raises ValueError if it cannot be read."""
        ...

    def write(self, sae_id: str, feature_id: int, text: str, author: str, seen: str) -> None:
        """Writes a label, if the feature's labels are still of the version that was seen.

        Raises:
            ValueError: If they are not, or it is no label: the sentence says why. Nothing is written.
        """
        ...


@dataclass(frozen=True, slots=True)
class Editing:
    """The editor of a server that allows it, and the token of this start."""

    editor: LabelEditor
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))


@dataclass(frozen=True, slots=True)
class LabelForm:
    """What the form on a feature's page shows."""

    token: str
    labels: Sequence[PersonsLabel]
    seen: str
    address: str
    text: str = ""
    author: str = ""
    refused: str = ""


def label_form(request: Request, model_id: str, recipe_id: str, feature_id: int, **typed: str) -> LabelForm | None:
    """The form of a feature; None where the pages are read-only."""
    editing: Editing | None = request.app.state.editing
    if editing is None:
        return None
    labels, seen = (), ""
    try:
        labels, seen = editing.editor.labels(f"{model_id}/{recipe_id}", feature_id)
    except ValueError as error:
        typed = {"refused": str(error), **typed}
    address = f"{feature_url(model_id, recipe_id, feature_id)}/label"
    return LabelForm(editing.token, labels, seen, address, **typed)
