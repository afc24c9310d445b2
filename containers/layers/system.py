"""Copies the part of a base image that one Python program needs.

python system.py OUT PACKAGES: the running interpreter with its standard library, every
shared library that it or a file under PACKAGES is linked to, certificates and the names
of the one user. Runs where the image is built; its result is the image's first layer.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

# Of the standard library: what tests, installs, draws, edits lines or keeps a database,
# and with it Kerberos, Berkeley DB, SQLite and Readline.
LEFT_OUT = (
    "__pycache__", "config-3*", "ensurepip", "idlelib", "lib2to3", "pydoc_data",
    "site-packages", "dist-packages", "sitecustomize.py", "test", "tests", "tkinter",
    "turtle*", "venv", "_tkinter*", "_test*", "*.a", "_curses*", "curses", "_dbm*",
    "_gdbm*", "dbm", "nis*", "readline*", "_sqlite3*", "sqlite3",
)  # fmt: skip
DATA = ("/etc/os-release", "/etc/ssl/certs/ca-certificates.crt")
WRITTEN = {
    "etc/passwd": "lathe:x:10001:10001::/tmp:/none\n",
    "etc/group": "lathe:x:10001:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
    "etc/ld.so.conf": "/usr/local/lib\n",
}
BUNDLER = Path("/usr/sbin/update-ca-certificates")  # the package that has the bundle


def main() -> None:
    out, packages = Path(sys.argv[1]), Path(sys.argv[2])
    _skeleton(out)
    interpreter = _interpreter(out)
    objects = [*_objects(out), *_objects(packages)]
    libraries = sorted(_libraries(objects, packages))
    for library in libraries:
        _copy(library, out)
    for path in DATA:
        _copy(Path(path).resolve(), out, name=path)
    _describe([interpreter, *libraries, *map(Path, DATA), BUNDLER], out)
    subprocess.run(["ldconfig", "-r", str(out)], check=True)
    shutil.rmtree(out / "var" / "cache", ignore_errors=True)


def _skeleton(out: Path) -> None:
    """The folders, and names for the folders, that Debian has."""
    for folder in ("usr/bin", "usr/lib", "usr/lib64", "etc", "tmp", "usr/local/bin"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for name in ("lib", "lib64"):
        (out / name).symlink_to(f"usr/{name}")
    for path, text in WRITTEN.items():
        (out / path).write_text(text)


def _interpreter(out: Path) -> Path:
    """Copy it to where it is here; its library is found beside it."""
    binary = Path(sys.executable).resolve()
    _copy(binary, out)
    for name in ("python", "python3"):
        (out / "usr/local/bin" / name).symlink_to(binary.name)
    library = Path(sysconfig.get_path("stdlib"))
    ignore = shutil.ignore_patterns(*LEFT_OUT)
    shutil.copytree(library, out / library.relative_to("/"), ignore=ignore)
    return binary


def _objects(root: Path) -> Iterator[str]:
    """Yield every file that the dynamic linker may be given."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield str(path)


def _libraries(objects: list[str], packages: Path) -> set[Path]:
    """Return what the objects are linked to outside PACKAGES, or say what is missing."""
    done = subprocess.run(
        ["ldd", *objects], capture_output=True, text=True, check=False
    )
    shipped = {path.name for path in packages.rglob("*.so*")}
    missing = set(re.findall(r"^\s+(\S+) => not found", done.stdout, re.M)) - shipped
    if missing:
        sys.exit(f"error: the base image lacks {', '.join(sorted(missing))}")
    found = re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", done.stdout, re.M)
    outside = {Path(path) for path in found if not path.startswith(str(packages))}
    return {path.parent.resolve() / path.name for path in outside}


def _copy(path: Path, out: Path, name: str = "") -> None:
    target = out / (name or str(path)).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    shutil.copymode(path, target)


def _describe(files: list[Path], out: Path) -> None:
    """Keep each Debian package's entry and copyright, where scanners look for them."""
    for package in sorted({owner for path in files for owner in _owners(path)}):
        entry = subprocess.check_output(["dpkg-query", "-s", package], text=True)
        status = out / "var/lib/dpkg/status.d" / package.partition(":")[0]
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(entry)
        notice = Path("/usr/share/doc", status.name, "copyright")
        if notice.exists():
            _copy(notice.resolve(), out, name=str(notice))


def _owners(path: Path) -> list[str]:
    """Return the package of a file, also where it was installed under /lib."""
    names = [str(path), str(path).removeprefix("/usr"), os.path.realpath(path)]
    done = subprocess.run(
        ["dpkg-query", "-S", *names], capture_output=True, text=True, check=False
    )
    return re.findall(r"^([a-z0-9.+:-]+): /", done.stdout, re.M)


if __name__ == "__main__":
    main()
