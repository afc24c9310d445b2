"""An archive is taken apart below a folder, by any Python 3.11."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from stacks.commands.archive import extract


def archive(**members: str | None) -> tarfile.TarFile:
    """Names with `__` for `/`; a link where a target is given, else a file."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as file:
        for name, target in members.items():
            member = tarfile.TarInfo(name.replace("__", "/").replace("up", ".."))
            if target is not None:
                member.type, member.linkname = tarfile.SYMTYPE, target
            file.addfile(member, io.BytesIO(b""))
    written.seek(0)
    return tarfile.open(fileobj=written)


@pytest.fixture(params=["its own filter", "ours"], autouse=True)
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "ours":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    elif not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python has no filter of its own")


def test_files_and_links_below_the_folder_are_written(tmp_path: Path) -> None:
    extract(archive(a__file=None, link="a/file"), tmp_path)
    assert (tmp_path / "link").read_bytes() == b""


@pytest.mark.parametrize(
    "members", [{"up__outside": None}, {"link": "../outside"}, {"link": "/etc/passwd"}]
)
def test_what_points_out_of_the_folder_is_refused(
    members: dict[str, str | None], tmp_path: Path
) -> None:
    with pytest.raises(tarfile.TarError):
        extract(archive(**members), tmp_path / "folder")
    assert not (tmp_path / "outside").exists()
