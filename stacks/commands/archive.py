"""Archives of source and artifacts, taken apart."""

from __future__ import annotations

import tarfile
from pathlib import Path


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Write what is in an archive below a folder, and nothing elsewhere.

    Python 3.11.4 can refuse what points out of it (PEP 706); Debian's 3.11.2 cannot, and
    gets names and kinds checked here. Raises TarError.
    """
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
        return
    root = folder.resolve()
    for member in archive.getmembers():
        path = root / member.name
        where = path.parent / member.linkname if member.issym() else path
        is_known = member.isfile() or member.isdir() or member.issym()
        if not is_known or not where.resolve().is_relative_to(root):
            raise tarfile.ExtractError(f"{member.name}: not below the folder")
    archive.extractall(folder)
