"""Seeded damage to files: the ways in which copies, disks and attackers change them."""

from __future__ import annotations

import random
import resource
import signal
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Mutation = Callable[[random.Random, bytearray], bytearray]

EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
"""Numbers that make a length or an offset lead far away."""


def cut(chance: random.Random, content: bytearray) -> bytearray:
    return content[: chance.randrange(len(content))]


def flip_bits(chance: random.Random, content: bytearray) -> bytearray:
    for _ in range(chance.choice((1, 1, 2, 8))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return content


def set_word(chance: random.Random, content: bytearray) -> bytearray:
    """Put an extreme number where a length or an offset may be: aligned, 4 or 8 bytes."""
    size = chance.choice((4, 8))
    at = chance.randrange(max(1, len(content) - size)) & ~3
    content[at : at + size] = struct.pack("<Q", chance.choice(EXTREMES))[:size]
    return content


def nudge_word(chance: random.Random, content: bytearray) -> bytearray:
    """Move what may be an offset a little."""
    at = chance.randrange(max(1, len(content) - 4)) & ~3
    (number,) = struct.unpack_from("<I", content.ljust(at + 4, b"\0"), at)
    content[at : at + 4] = struct.pack(
        "<I", (number + chance.choice((-8, -4, -1, 1, 4, 8))) % 2**32
    )
    return content


def zero_block(chance: random.Random, content: bytearray) -> bytearray:
    """A block that never reached the disk."""
    at = chance.randrange(len(content))
    size = min(chance.choice((16, 512)), len(content) - at)
    content[at : at + size] = bytes(size)
    return content


def drop_block(chance: random.Random, content: bytearray) -> bytearray:
    at = chance.randrange(len(content))
    del content[at : at + chance.choice((1, 4, 512))]
    return content


def repeat_block(chance: random.Random, content: bytearray) -> bytearray:
    at = chance.randrange(len(content))
    content[at:at] = content[at : at + chance.choice((1, 4, 512))]
    return content


MUTATIONS: tuple[Mutation, ...] = (
    cut, flip_bits, flip_bits, set_word, set_word, nudge_word, zero_block, drop_block, repeat_block
)  # fmt: skip


WINDOW = 4096
"""Tables lie at an end of a file, weights in its middle: two mutations in three go to an end."""


def mutated(content: bytes, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield `count` damaged forms of a file, none of them the file itself, each with a name."""
    chance = random.Random(seed)
    made = 0
    while made < count:
        mutation = chance.choice(MUTATIONS)
        low, high = chance.choice(((0, None), (0, WINDOW), (-WINDOW, None)))
        part = content[low:high]
        before = content[: len(content) + low] if low else b""
        after = content[high:] if high else b""
        changed = before + bytes(mutation(chance, bytearray(part))) + after
        if changed != content:
            made += 1
            yield f"{mutation.__name__} {made} of seed {seed}", changed


@contextmanager
def no_hang(seconds: float = 30) -> Iterator[None]:
    """End what takes a thousand times as long as it should: it would never end by itself."""

    def give_up(*_: object) -> None:
        raise AssertionError(f"nothing came back within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def peak_bytes() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
