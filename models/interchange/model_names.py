"""Whether two names mean the same model: the hub's, TransformerLens's, a folder's."""

import re

from storage.revisions import is_folder

_TRANSFORMER_LENS = {
    "gpt2-small": "gpt2",
    "llama-2-7b": "llama-2-7b-hf",
    "llama-2-13b": "llama-2-13b-hf",
    "mistral-7b": "mistral-7b-v0.1",
    "mistral-7b-instruct": "mistral-7b-instruct-v0.1",
} | {f"tiny-stories-{size}m": f"tinystories-{size}m" for size in (1, 3, 8, 28, 33)}
"""Short names that TransformerLens has for models of the hub, where more than the organisation is left out."""
_CACHED = re.compile(r"models--(?P<organisation>[^/]+?)--(?P<name>[^/]+)/snapshots/[^/]+/?$")


def is_same_model(named: str, source: str) -> bool:
    """Whether a name in a file of another library means the model of a card.

    Case, `_` for `-` and TransformerLens's short names make no difference; nor does an organisation that only one of
    them names, as a folder never does. All else does: `-deduped`, `-it`, a size, another organisation's copy.
    """
    if named == source:
        return True
    (organisation, name), (other_organisation, other_name) = _parts(named), _parts(source)
    return name == other_name and (not organisation or not other_organisation or organisation == other_organisation)


def _parts(text: str) -> tuple[str, str]:
    """Organisation, empty where none is named, and name."""
    if cached := _CACHED.search(text):
        organisation, name = cached["organisation"], cached["name"]
    else:
        before, _, name = text.rstrip("/").rpartition("/")
        is_on_hub = before and "/" not in before and not before.startswith((".", "~")) and not is_folder(text)
        organisation = before if is_on_hub else ""
    name = name.lower().replace("_", "-")
    return organisation.lower(), _TRANSFORMER_LENS.get(name, name)
