"""Files as a corpus: text and rows, in a folder or by a glob, local or on S3, and the standard library."""

import glob
import hashlib
import itertools
import posixpath
import re
import sysconfig
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import ModuleType

from fsspec.utils import glob_translate

from models.corpora.contexts import EmptyCorpus
from models.corpora.documents import AnyDocument
from models.corpora.sources import text_files
from models.corpora.sources.base import KINDS, ReadReport
from models.corpora.sources.cells import content_of, contents
from models.corpora.sources.compressed_files import BrokenArchive, expanded, inner_name
from models.corpora.sources.document_pieces import counted, row_documents
from models.corpora.sources.row_formats import format_of
from models.corpora.sources.stdlib import stdlib_files
from models.numerics.hash_sampling import hash_rank
from storage.folder import Folder
from storage.manifest import sha256_of_file


@dataclass
class FileCorpus:
    """Files below one root: rows in one of the `row_formats`, `name#row`, or text; compressed or not.

    A file that is binary or not UTF-8 is left out whole and named in the report. A long text file is several
    documents, `name#piece`, unless `whole`; so is a long row, `name#row.piece`.
    """

    spec: str
    root: Folder
    names: list[str]
    """Paths relative to the root."""
    column: str = "text"
    whole: bool = False
    report: ReadReport = field(default_factory=ReadReport)

    def documents(self) -> Iterator[AnyDocument]:
        self.report = ReadReport()
        for name in sorted(self.names, key=hash_rank):
            with self.reading(name) as path:
                yield from self._documents(path, name)
        if not self.report.n_documents:
            raise EmptyCorpus(
                f"corpus {self.spec!r} holds no text (files: {len(self.names):,}; {self.report}): "
                "point the model card at files of UTF-8 text"
            )

    def _documents(self, path: Path, name: str) -> Iterator[AnyDocument]:
        try:
            with expanded(path, name) as inner:
                yield from self._contents(inner, name)
        except BrokenArchive as error:
            self.report.left_out.add(str(error), name)

    def _contents(self, path: Path, name: str) -> Iterator[AnyDocument]:
        reader = format_of(PurePosixPath(inner_name(name)).suffix.lower())
        if reader is not None and reader.DECODES_ROWS:
            yield from self._rows(path, name, reader)
        elif text_files.looks_binary(path):
            self.report.left_out.add("binary", name)
        elif not text_files.is_utf8(path):
            self.report.left_out.add("not UTF-8", name)
        elif reader is not None:
            yield from self._rows(path, name, reader)
        elif self.whole or path.stat().st_size <= text_files.PIECE:
            yield from counted(name, content_of("".join(text_files.split_text(path))), self.report)
        else:
            for number, piece in enumerate(text_files.split_text(path)):
                yield from counted(f"{name}#{number}", content_of(piece), self.report)

    def _rows(self, path: Path, name: str, reader: ModuleType) -> Iterator[AnyDocument]:
        where = f"{self.root}/{name}"
        rows = contents(reader.cells(path, where, self.column), where, self.column)
        yield from row_documents(name, rows, self.report)

    def _place(self, name: str) -> tuple[Folder, str]:
        above, _, base = name.rpartition("/")
        return (self.root / above if above else self.root), base

    def reading(self, name: str) -> AbstractContextManager[Path]:
        """One of the files as a local path."""
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
        with self.reading(name) as path:
            return sha256_of_file(path)


def stdlib() -> FileCorpus:
    """The standard library's source: one document a file, named as the bundled model's training named it."""
    root = Path(sysconfig.get_path("stdlib"))
    names = [path.relative_to(root).as_posix() for path in stdlib_files()]
    return FileCorpus("stdlib", Folder(str(root)), names, whole=True)


def find_files(spec: str, column: str) -> FileCorpus:
    """The files that a path names: one file, all below a folder, or what a glob matches; hidden ones never. Links are
    followed.

    Raises:
        ValueError: If the path does not exist or no file answers to it.
        BrokenLink: If one of the files is a link that leads nowhere, or a folder one that leads back.
    """
    try:
        place = Folder(spec)
        filesystem, path = place.filesystem, place.path.rstrip("/")
    except (ValueError, ImportError) as error:
        raise ValueError(f"corpus {spec!r} is of no known kind ({error}): name {KINDS}") from error
    filesystem.invalidate_cache()
    if filesystem.isdir(path):
        root, names = place, place.files_below()
    elif filesystem.isfile(path):
        root, names = Folder(posixpath.dirname(spec) or "."), [posixpath.basename(path)]
    elif glob.has_magic(spec):
        root = _above_magic(spec)
        names = _matching(root, posixpath.relpath(path, root.path))
    else:
        place.exists()
        raise ValueError(f"corpus {spec!r}: no such file or folder is there: correct the path, or name {KINDS}")
    shown = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    if not shown:
        raise ValueError(f"corpus {spec!r}: no file is there, hidden ones aside: point the model card at files of text")
    for name in shown:
        root.require_file(name)
    return FileCorpus(spec, root, shown, column)


def _matching(root: Folder, pattern: str) -> list[str]:
    """Files below a folder that a glob matches, which may lie as deep as the glob is long, or anywhere by `**`."""
    if not root.exists():
        return []
    depth = None if "**" in pattern else pattern.count("/") + 1
    matches = re.compile(glob_translate(pattern))
    return [name for name in root.files_below(depth) if matches.match(name)]


def _above_magic(spec: str) -> Folder:
    """The deepest folder that a glob names without a wildcard."""
    fixed = itertools.takewhile(lambda part: not glob.has_magic(part), spec.split("/"))
    return Folder("/".join(fixed) or ("/" if spec.startswith("/") else "."))
