"""Groups of rows that are of one label each, so that a split by groups splits every label."""

from collections.abc import Iterable

from models.experiments.prompt import InvalidPrompt


def label_of_groups(pairs: Iterable[tuple[str, str]], what: str) -> dict[str, str]:
    """The label of each group.

    Args:
        pairs: Group and label of each row.
        what: What a group is here, and what to do where it has two labels.

    Raises:
        InvalidPrompt: If a group stands under two labels.
    """
    found: dict[str, set[str]] = {}
    for group, label in pairs:
        found.setdefault(group, set()).add(label)
    if shared := sorted(group for group, labels in found.items() if len(labels) > 1):
        raise InvalidPrompt(f"group {shared[0]!r} stands under {' and '.join(sorted(found[shared[0]]))}: {what}")
    return {group: label for group, [label] in found.items()}
