"""Text from outside that no file or table could hold, made such that they can."""

from typing import Any

REPLACEMENT = "\ufffd"


def storable(value: Any) -> Any:
    """A value as JSON has it, with every unpaired surrogate of its texts replaced by U+FFFD.

    JSON can spell half of a surrogate pair (`\\ud800`), which is no character: UTF-8, and so Parquet and DuckDB, have
    no way to write it.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    return value
