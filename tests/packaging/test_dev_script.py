"""`./dev` sets up once, tries no more than it may, and says what is wrong.

A small script stands in for Python, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Logs its calls. The files `suits`, `venv_works` and `pip_works` decide its answers.
FAKE_PYTHON = """#!/bin/sh
facts={facts}
echo "$*" >>"$facts/calls"
case "$*" in
  *ensurepip*) test -e "$facts/venv_works" ;;
  *version_info*) test -e "$facts/suits" ;;
  -V) echo "Python 3.11.0" ;;
  "-m venv"*) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python" ;;
  "-m pip"*) echo "pip's own words"; test -e "$facts/pip_works" ;;
esac
"""


class Checkout:
    """A folder with nothing but `dev` and a pyproject.toml, and the stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a checkout"
        self.facts = folder / "facts"
        self.tools = folder / "tools"
        for path in (self.folder, self.facts, self.tools):
            path.mkdir()
        shutil.copy(ROOT / "dev", self.folder / "dev")
        (self.folder / "pyproject.toml").write_text("[project]\n")
        self.tool("python3.11", FAKE_PYTHON.format(facts=self.facts))
        self.tool("id", "#!/bin/sh\necho 1000\n")
        self.java("17.0.15")
        for fact in ("suits", "venv_works", "pip_works"):
            (self.facts / fact).touch()

    def tool(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def java(self, version: str) -> None:
        self.tool("javac", f"#!/bin/sh\necho javac {version}\n")

    def deny(self, fact: str) -> None:
        (self.facts / fact).unlink()

    def calls(self, of: str) -> list[str]:
        log = self.facts / "calls"
        return [line for line in log.read_text().splitlines() if of in line] if log.exists() else []

    def dev(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        base = {name: value for name, value in os.environ.items() if name != "PYTHON"}
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [str(self.folder / "dev"), *arguments],
            env={**base, "PATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_it_explains_itself(checkout: Checkout) -> None:
    for arguments in ((), ("--help",), ("tset",)):
        run = checkout.dev(*arguments)
        assert run.returncode == 2
        assert "./dev test" in run.stderr
        assert "set -" not in run.stderr
    assert not (checkout.folder / ".venv").exists()


def test_it_sets_up_once_and_again_when_the_project_changes(checkout: Checkout) -> None:
    first, second = checkout.dev("setup"), checkout.dev("setup")
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(first.stderr.splitlines()) == 2, "one line for each long step"
    assert second.stderr == ""
    assert len(checkout.calls("-m venv")) == len(checkout.calls("-m pip install")) == 1
    (checkout.folder / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert checkout.dev("setup").returncode == 0
    assert len(checkout.calls("-m venv")) == 1
    assert len(checkout.calls("-m pip install")) == 2


def test_a_failed_installation_is_shown_and_tried_again(checkout: Checkout) -> None:
    checkout.deny("pip_works")
    for _ in range(2):
        run = checkout.dev("setup")
        assert run.returncode == 3
        assert "pip's own words" in run.stderr
        assert "pip could not install the project" in run.stderr
    assert len(checkout.calls("-m pip install")) == 2


def test_it_names_the_package_that_is_missing(checkout: Checkout) -> None:
    checkout.deny("venv_works")
    run = checkout.dev("setup")
    assert run.returncode == 3
    assert "sudo apt-get install python3-venv" in run.stderr
    assert not (checkout.folder / ".venv").exists()


def test_root_installs_the_package_that_is_missing(checkout: Checkout) -> None:
    checkout.deny("venv_works")
    checkout.tool("id", "#!/bin/sh\necho 0\n")
    works = checkout.facts / "venv_works"
    checkout.tool(
        "apt-get", f'#!/bin/sh\ncase "$*" in *install*python3-venv*) touch "{works}" ;; esac\n'
    )
    run = checkout.dev("setup")
    assert run.returncode == 0, run.stderr
    assert "installing python3-venv with apt" in run.stderr


@pytest.mark.parametrize("python", ["python3.11", "no-such-python"])
def test_it_refuses_a_python_that_does_not_suit(checkout: Checkout, python: str) -> None:
    checkout.deny("suits")
    run = checkout.dev("setup", PYTHON=python)
    assert run.returncode == 3
    assert f"PYTHON={python} is not a Python of 3.10 to 3.13" in run.stderr
    assert not (checkout.folder / ".venv").exists()


def test_it_runs_mobilekit_where_the_user_stands(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.dev("setup")
    command = checkout.folder / ".venv" / "bin" / "mobilekit"
    command.write_text('#!/bin/sh\npwd; printf "<%s>" "$@"; exit 7\n')
    command.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    run = checkout.dev("mobilekit", "convert", "a model.keras")
    assert run.returncode == 7
    assert run.stdout == f"{tmp_path}\n<convert><a model.keras>"


def test_tests_run_in_the_checkout_with_their_arguments(checkout: Checkout) -> None:
    checkout.tool("chromium", "#!/bin/sh\n")
    run = checkout.dev("test", "tests/a file.py")
    assert run.returncode == 0
    (call,) = checkout.calls("-m pytest")
    assert call.endswith("tests/a file.py")


def test_jars_are_got_where_java_is_new_enough(checkout: Checkout) -> None:
    checkout.dev("test")
    assert len(checkout.calls("tests/android/maven.py")) == 1
    checkout.java("11.0.2")
    run = checkout.dev("test")
    assert run.returncode == 0
    assert len(checkout.calls("tests/android/maven.py")) == 1


def test_swift_is_got_where_apt_is(debian: Debian) -> None:
    debian.dev("test")
    assert len(debian.calls("tests/ios/debian_swift.py")) == 1


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert script.rstrip().endswith("exec env MOBILEKIT_REQUIRE_TOOLS=1 ./dev test")
    assert "./dev test" in (ROOT / "README.md").read_text(encoding="utf-8")


# Stand-ins for Debian's tools. The file `installed` lists packages and versions; `suites` the code
# names that apt knows, each with its archive.
FAKE_DPKG_QUERY = """#!/bin/sh
for package; do :; done
version=$(sed -n "s/^$package //p" {facts}/installed)
test -n "$version" && echo "installed $version"
"""
FAKE_DPKG = """#!/bin/sh
test "$1" = --compare-versions && python3 - "$2" "$4" <<'END'
import sys
have, least = ([int(part) for part in text.replace(":", ".").split(".")] for text in sys.argv[1:])
sys.exit(have < least)
END
"""
FAKE_APT_GET = """#!/bin/sh
echo "$*" >>{facts}/apt
case "$1 $*" in
  indextargets*backports*) sed -n 's/^bookworm-backports //p' {facts}/suites ;;
  indextargets*) sed -n 's/^bookworm //p' {facts}/suites ;;
  install*) echo "apt's own words"; test -e {facts}/apt_works ;;
esac
"""
FAKE_APT_CONFIG = """#!/bin/sh
echo "parts='{facts}/sources/'"
"""
EVERYTHING = {
    "chromium": "140",
    "fonts-dejavu-core": "2",
    "libvulkan1": "1.3",
    "mesa-vulkan-drivers": "25.0",
    "libegl1": "1.6",
    "libgles2": "1.6",
    "qemu-user": "1:10.0",
    "adb": "1:34.0",
    "adbd": "34.0",
    "openssh-client": "1:9.2",
    "openssh-server": "1:9.2",
    "busybox": "1:1.35",
    "mksh": "59",
    "procps": "2:4.0",
    "gcc": "4:12.2",
    "libc6-dev": "2.36",
}
OLD = {**EVERYTHING, "mesa-vulkan-drivers": "22.3", "qemu-user": "1:7.2"}
ARCHIVE = "http://mirror.example/debian/"


class Debian(Checkout):
    """A checkout on Debian 12, where root runs `dev` and apt does what it is told."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for name, text in (
            ("dpkg-query", FAKE_DPKG_QUERY),
            ("dpkg", FAKE_DPKG),
            ("apt-get", FAKE_APT_GET),
            ("apt-config", FAKE_APT_CONFIG),
        ):
            self.tool(name, text.replace("{facts}", f'"{self.facts}"'))
        self.tool("apt-config", FAKE_APT_CONFIG.format(facts=self.facts))
        self.tool("id", "#!/bin/sh\necho 0\n")
        (self.facts / "sources").mkdir()
        (self.facts / "apt_works").touch()
        self.suites(bookworm=ARCHIVE)
        self.installed(EVERYTHING)

    def installed(self, packages: dict[str, str]) -> None:
        lines = [f"{name} {version}\n" for name, version in packages.items()]
        (self.facts / "installed").write_text("".join(lines))

    def suites(self, **archives: str) -> None:
        lines = [f"{name.replace('_', '-')} {archive}\n" for name, archive in archives.items()]
        (self.facts / "suites").write_text("".join(lines))

    def apt(self, verb: str) -> list[str]:
        log = self.facts / "apt"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if line.split()[0] == verb]

    @property
    def backports(self) -> Path:
        return self.facts / "sources" / "mobilekit-backports.list"


@pytest.fixture
def debian(tmp_path: Path) -> Debian:
    return Debian(tmp_path)


def test_nothing_is_installed_where_everything_is_there(debian: Debian) -> None:
    run = debian.dev("test")
    assert run.returncode == 0
    assert "installing" not in run.stderr.replace("installing mobilekit", "")
    assert not debian.apt("update")
    assert not debian.backports.exists()


def test_root_gets_what_is_missing_or_too_old_from_backports(debian: Debian) -> None:
    debian.installed({name: version for name, version in OLD.items() if name != "adbd"})
    run = debian.dev("test")
    assert run.returncode == 0
    assert debian.backports.read_text() == (
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        f"{ARCHIVE} bookworm-backports main\n"
    )
    (install,) = debian.apt("install")
    assert install.endswith("-t bookworm-backports mesa-vulkan-drivers qemu-user adbd")
    assert len(debian.calls("-m pytest")) == 1


def test_backports_that_are_there_are_left_alone(debian: Debian) -> None:
    debian.suites(bookworm=ARCHIVE, bookworm_backports=ARCHIVE)
    debian.installed(OLD)
    assert debian.dev("test").returncode == 0
    assert not debian.backports.exists()
    assert "-t bookworm-backports" in debian.apt("install")[0]


@pytest.mark.parametrize(("version", "installed"), [("11.0.2", True), ("17", False), ("25", False)])
def test_root_gets_java_where_none_is_new_enough(
    debian: Debian, version: str, installed: bool
) -> None:
    debian.java(version)
    assert debian.dev("test").returncode == 0
    assert any("default-jdk-headless" in call for call in debian.apt("install")) == installed


def test_another_debian_needs_no_backports(debian: Debian) -> None:
    debian.suites(trixie=ARCHIVE)
    debian.installed({})
    assert debian.dev("test").returncode == 0
    assert not debian.backports.exists()
    (install,) = debian.apt("install")
    assert "bookworm" not in install
    assert install.endswith(" ".join(EVERYTHING))


def test_tests_run_although_apt_fails(debian: Debian) -> None:
    (debian.facts / "apt_works").unlink()
    debian.installed(OLD)
    run = debian.dev("test")
    assert run.returncode == 0
    assert "apt's own words" in run.stderr
    assert "sudo apt-get install -t bookworm-backports mesa-vulkan-drivers qemu-user" in run.stderr
    assert len(debian.calls("-m pytest")) == 1


def test_who_is_not_root_is_told_the_command(debian: Debian) -> None:
    debian.tool("id", "#!/bin/sh\necho 1000\n")
    debian.installed({**EVERYTHING, "qemu-user": "1:7.2"})
    run = debian.dev("test")
    assert run.returncode == 0
    assert (
        "so that their tests skip: qemu-user; get them: "
        "sudo apt-get install -t bookworm-backports qemu-user"
    ) in run.stderr
    assert not debian.apt("install")
    assert not debian.backports.exists()


def test_without_apt_it_says_which_programs_are_missing(checkout: Checkout) -> None:
    """With a PATH of its own, where only what the script needs is."""
    for name in ("bash", "dirname", "cksum", "cat", "mktemp", "rm", "tail", "paste", "cp", "mkdir"):
        found = shutil.which(name)
        assert found is not None
        (checkout.tools / name).symlink_to(found)
    checkout.tool("chromium", "#!/bin/sh\n")
    run = checkout.dev("test", PATH=str(checkout.tools))
    assert run.returncode == 0, run.stderr
    line = next(line for line in run.stderr.splitlines() if "their tests skip" in line)
    missing = line.partition(": not here, so that their tests skip: ")[2].split()
    assert "chromium" not in missing
    assert "adb" in missing
    assert len(checkout.calls("-m pytest")) == 1
