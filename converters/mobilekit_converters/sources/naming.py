"""Names for inputs and outputs where the source gives the same name twice."""

from __future__ import annotations

from collections.abc import Iterable


def unique_names(names: Iterable[str]) -> list[str]:
    """Number repeated names: the first keeps its name, the next ones get `_1`, `_2`, ….

    A number that makes a name which the source uses itself is passed over.

    >>> unique_names(["split", "split", "split_1"])
    ['split', 'split_2', 'split_1']
    """
    wanted = list(names)
    taken = set(wanted)
    seen: set[str] = set()
    result = []
    for name in wanted:
        if name in seen:
            number = next(i for i in range(1, len(wanted) + 1) if f"{name}_{i}" not in taken)
            name = f"{name}_{number}"
            taken.add(name)
        seen.add(name)
        result.append(name)
    return result
