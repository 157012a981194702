from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from pathlib import Path

import pytest

from mobilekit.release import MANIFEST, SCHEMA, check_output, staged, write_manifest
from mobilekit_converters.errors import OutputError


def make_release(folder: Path, content: str = "old") -> Path:
    with staged(folder) as stage:
        (stage / "file.txt").write_text(content)
        write_manifest(stage, {"model": "Test"})
    return folder


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_release_appears_with_its_manifest(tmp_path: Path) -> None:
    release = make_release(tmp_path / "a folder" / "modèle.release")
    manifest = json.loads((release / MANIFEST).read_text())
    assert manifest["schema"] == SCHEMA
    sha256 = hashlib.sha256(b"old").hexdigest()
    assert manifest["files"] == {"file.txt": sha256}
    assert names_in(release.parent) == {"modèle.release"}


def test_a_new_release_takes_the_place_of_the_old(tmp_path: Path) -> None:
    release = make_release(tmp_path / "r")
    make_release(release, "new")
    assert (release / "file.txt").read_text() == "new"
    assert names_in(tmp_path) == {"r"}


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError])
def test_an_interrupted_release_leaves_the_old_one(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    release = make_release(tmp_path / "r")

    def interrupted() -> None:
        with staged(release) as stage:
            (stage / "half").write_text("written")
            raise interruption

    with pytest.raises(interruption):
        interrupted()
    assert (release / "file.txt").read_text() == "old"
    assert names_in(tmp_path) == {"r"}


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No space left on device"), staged(tmp_path / "r"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names_in(tmp_path) == set()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(OutputError, match="no mobilekit release"):
        check_output(tmp_path)
    assert names_in(tmp_path) == {"thesis.tex"}


def test_an_empty_folder_an_old_release_and_a_new_path_are_fine(tmp_path: Path) -> None:
    check_output(tmp_path)
    check_output(make_release(tmp_path / "r"))
    check_output(tmp_path / "not" / "there" / "yet")


def test_a_file_or_a_link_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    for path in (file, link, file / "below"):
        with pytest.raises(OutputError, match="is not a folder"):
            check_output(path)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder nobody can write")
def test_an_unwritable_folder_is_refused(tmp_path: Path) -> None:
    # Root may write anywhere but into /proc, so the test holds for root too.
    where = Path("/proc/self/task") if os.geteuid() == 0 else tmp_path / "locked"
    if os.geteuid() != 0:
        where.mkdir(mode=0o500)
    with (
        pytest.raises(OutputError, match=re.escape(str(where))),
        staged(where / "r"),
    ):
        pytest.fail("an unwritable folder was given out")
