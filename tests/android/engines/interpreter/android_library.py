"""Lets the published Android x86-64 libraries of TFLite load on Linux.

Their code is the same as on a phone or an emulator. They differ from a Linux library in where their
C functions come from: from Android's `libc.so`, under the version `LIBC`. An adapted library takes
what `android_libc.c` defines from there, and all else from glibc.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

LIBC = "libc.so"
"""The name under which adapted libraries ask for the compiled `android_libc.c`."""

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NEEDED, _DT_HASH, _DT_STRTAB, _DT_SYMTAB = 1, 4, 5, 6
_DT_VERSYM, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFF0, 0x6FFFFFFE, 0x6FFFFFFF
_DT_IGNORED = 0x60000000  # a tag that no loader knows
_ANY_VERSION = 1

GRAPHICS = ("libEGL.so.1", "libGLESv2.so.2")
"""The libraries of OpenGL, which the GPU delegate's library needs beside `libc.so`."""


def build_libc(compiler: str, folder: Path, libraries: Iterable[str] = ()) -> Path:
    """Compile `android_libc.c` into a folder and return the library, to be loaded first.

    Args:
        compiler: a C compiler.
        folder: where it goes.
        libraries: names of more libraries that adapted ones shall find.
    """
    library = folder / LIBC
    versions = folder / "versions"
    versions.write_text("LIBC { global: *; };\n")
    command = [
        *(compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror"),
        # The one kind of table that `_Elf` reads; Android's libraries have both.
        "-Wl,--hash-style=sysv",
        f"-Wl,-soname,{LIBC},--version-script={versions},--no-as-needed",
        *("-o", str(library), str(Path(__file__).with_name("android_libc.c")), "-lm"),
        *(f"-l:{name}" for name in libraries),
    ]
    subprocess.run(command, check=True)
    return library


def adapt(library: bytes, libc: bytes) -> bytes:
    """Return an Android library that loads on Linux after the compiled `android_libc.c`."""
    return _Elf(library).taking(_Elf(libc).defined())


class _Elf:
    """A 64-bit little-endian ELF library and its dynamic section."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        (table,) = struct.unpack_from("<Q", self.data, 0x20)
        size, count = struct.unpack_from("<HH", self.data, 0x36)
        headers = [struct.unpack_from("<IIQQQQ", self.data, table + i * size) for i in range(count)]
        self.segments = [h[2:] for h in headers if h[0] == _PT_LOAD]
        (start,) = (h[2] for h in headers if h[0] == _PT_DYNAMIC)
        self.entries: list[tuple[int, int, int]] = []  # place, tag, value
        while not self.entries or self.entries[-1][1]:
            place = start + 16 * len(self.entries)
            self.entries.append((place, *struct.unpack_from("<QQ", self.data, place)))
        self.values = {tag: value for _, tag, value in self.entries}

    def defined(self) -> set[str]:
        """Return the names of all functions and variables in it."""
        return {name for _, name, defined in self._symbols() if defined}

    def taking(self, names: set[str]) -> bytes:
        """Return it with what `names` has from `libc.so`, all else from any loaded library."""
        need, version = self._libc_version()
        versions = self._place(self.values[_DT_VERSYM])
        for index, name, defined in self._symbols():
            if not defined:
                wanted = version if name in names else _ANY_VERSION
                struct.pack_into("<H", self.data, versions + 2 * index, wanted)
        for place, tag, value in self.entries:
            if tag == _DT_NEEDED and self._name(value) != LIBC:
                struct.pack_into("<Q", self.data, place, _DT_IGNORED)
            elif tag == _DT_VERNEED:
                struct.pack_into("<Q", self.data, place + 8, need)
            elif tag == _DT_VERNEEDNUM:
                struct.pack_into("<Q", self.data, place + 8, 1)
        return bytes(self.data)

    def _symbols(self) -> list[tuple[int, str, bool]]:
        """Return each symbol's index, name, and whether it is defined here."""
        _, count = struct.unpack_from("<II", self.data, self._place(self.values[_DT_HASH]))
        table = self._place(self.values[_DT_SYMTAB])
        symbols = []
        for index in range(1, count):
            name, _, section = struct.unpack_from("<IHH", self.data, table + 24 * index)
            symbols.append((index, self._name(name), section != 0))
        return symbols

    def _libc_version(self) -> tuple[int, int]:
        """Return the address of what it needs of `libc.so`, and that version's number in it."""
        address = self.values[_DT_VERNEED]
        for _ in range(self.values[_DT_VERNEEDNUM]):
            place = self._place(address)
            _, _, file, first, following = struct.unpack_from("<HHIII", self.data, place)
            if self._name(file) == LIBC:
                (version,) = struct.unpack_from("<H", self.data, place + first + 6)
                return address, version
            address += following
        raise ValueError("This is no library for Android: it needs nothing of libc.so.")

    def _name(self, offset: int) -> str:
        start = self._place(self.values[_DT_STRTAB]) + offset
        return self.data[start : self.data.index(0, start)].decode()

    def _place(self, address: int) -> int:
        """Return where in the file an address is."""
        for offset, start, _, size in self.segments:
            if start <= address < start + size:
                return address - start + offset
        raise ValueError(f"The address {address:#x} is not in the file.")
