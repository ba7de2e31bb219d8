"""Files as a corpus: text and rows, in a folder or by a glob, local or on S3, and the standard library."""

import glob
import hashlib
import itertools
import posixpath
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from models.corpora.contexts import EmptyCorpus
from models.corpora.documents import Document
from models.corpora.sources import row_files, text_files
from models.corpora.sources.base import KINDS, ReadReport
from models.corpora.sources.stdlib import stdlib_files
from models.numerics.hash_sampling import hash_rank
from storage.folder import Folder
from storage.manifest import sha256_of_file


@dataclass
class FileCorpus:
    """Files below one root. `.jsonl`, `.ndjson` and `.parquet` are rows, `name#row`; every other file is text.

    A file that is not UTF-8 is left out whole and named in the report; a binary one is left out and counted. A long
    text file is several documents, `name#piece`, unless `whole`.
    """

    spec: str
    root: Folder
    names: list[str]
    """Paths relative to the root."""
    column: str = "text"
    whole: bool = False
    report: ReadReport = field(default_factory=ReadReport)

    def documents(self) -> Iterator[Document]:
        self.report = ReadReport()
        for name in sorted(self.names, key=hash_rank):
            with self._reading(name) as path:
                for document_id, words in self._texts(path, name):
                    yield from self.report.give(document_id, words)
        if not self.report.n_documents:
            raise EmptyCorpus(
                f"corpus {self.spec!r} holds no text (files: {len(self.names):,}; {self.report}): "
                "point the model card at files of UTF-8 text"
            )

    def _texts(self, path: Path, name: str) -> Iterator[tuple[str, str | None]]:
        suffix, where = PurePosixPath(name).suffix.lower(), f"{self.root}/{name}"
        if suffix in row_files.PARQUET:
            yield from _numbered(name, row_files.parquet_texts(path, where, self.column))
        elif text_files.looks_binary(path):
            self.report.n_binary += 1
        elif not text_files.is_utf8(path):
            self.report.refuse(name)
        elif suffix in row_files.JSONL:
            yield from _numbered(name, row_files.jsonl_texts(path, where, self.column))
        elif self.whole or path.stat().st_size <= text_files.PIECE:
            yield name, "".join(text_files.split_text(path))
        else:
            yield from _numbered(name, text_files.split_text(path))

    def _place(self, name: str) -> tuple[Folder, str]:
        above, _, base = name.rpartition("/")
        return (self.root / above if above else self.root), base

    def _reading(self, name: str) -> AbstractContextManager[Path]:
        folder, base = self._place(name)
        return folder.reading(base)

    def sha256(self) -> str:
        """Names and content of all files, and how they are read.

        Where the store keeps a checksum itself (the ETag of S3) that stands for content, so that nothing is fetched.
        """
        digest = hashlib.sha256(f"{self.column}\0{self.whole}".encode())
        for name in sorted(self.names):
            digest.update(f"\0{name}\0{self._checksum(name)}".encode())
        return digest.hexdigest()

    def _checksum(self, name: str) -> str:
        info = self.root.filesystem.info(f"{self.root.path}/{name}")
        if "ETag" in info:
            return f"{info['size']} {info['ETag']}"
        with self._reading(name) as path:
            return sha256_of_file(path)


def stdlib() -> FileCorpus:
    """The standard library's source: one document a file, named as the bundled model's training named it."""
    root = Path(sysconfig.get_path("stdlib"))
    names = [path.relative_to(root).as_posix() for path in stdlib_files()]
    return FileCorpus("stdlib", Folder(str(root)), names, whole=True)


def find_files(spec: str, column: str) -> FileCorpus:
    """The files that a path names: one file, all below a folder, or what a glob matches; hidden ones never.

    Raises:
        ValueError: If the path does not exist or no file answers to it.
    """
    try:
        place = Folder(spec)
        filesystem, path = place.filesystem, place.path.rstrip("/")
    except (ValueError, ImportError) as error:
        raise ValueError(f"corpus {spec!r} is of no known kind ({error}): name {KINDS}") from error
    filesystem.invalidate_cache()
    if filesystem.isdir(path):
        root, found = place, [str(match) for match in filesystem.find(path)]
    elif filesystem.isfile(path):
        root, found = Folder(posixpath.dirname(spec) or "."), [path]
    elif glob.has_magic(spec):
        root, found = _above_magic(spec), [str(match) for match in filesystem.glob(path) if filesystem.isfile(match)]
    else:
        raise ValueError(f"corpus {spec!r}: no such file or folder is there: correct the path, or name {KINDS}")
    names = [PurePosixPath(each).relative_to(root.path).as_posix() for each in found]
    shown = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    if not shown:
        raise ValueError(f"corpus {spec!r}: no file is there, hidden ones aside: point the model card at files of text")
    return FileCorpus(spec, root, shown, column)


def _above_magic(spec: str) -> Folder:
    """The deepest folder that a glob names without a wildcard."""
    fixed = itertools.takewhile(lambda part: not glob.has_magic(part), spec.split("/"))
    return Folder("/".join(fixed) or ("/" if spec.startswith("/") else "."))


def _numbered(name: str, texts: Iterable[str | None]) -> Iterator[tuple[str, str | None]]:
    return ((f"{name}#{number}", words) for number, words in enumerate(texts))
