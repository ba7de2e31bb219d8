"""JSON files that end with the sha256 of what stands before it, so that a file which was altered is known by itself."""

import hashlib
import re


def sealed(body: str, name: str) -> bytes:
    """The text of a JSON object, written with line breaks, with its own sha256 as the last value, under a name."""
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    opened = body.removesuffix("\n}")
    return f'{opened},\n "{name}": "{sha256}"\n}}\n'.encode()


def check_seal(body: bytes, name: str) -> None:
    """Raises ValueError if a file is not, byte for byte, what was written."""
    seal = re.search(rb',\n "' + name.encode() + rb'": "([0-9a-f]{64})"\n}\n\Z', body)
    if seal is None:
        raise ValueError("it does not end with its own sha256")
    found = hashlib.sha256(body[: seal.start()] + b"\n}").hexdigest()
    if found != seal[1].decode():
        raise ValueError(f"it was altered: its sha256 is {found}, {seal[1].decode()} was written")
