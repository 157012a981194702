"""Rewrites of frozen graphs that bring operators onto accelerators which refuse their usual form.

`adaptation.py` says what a rewrite is, each has a file here and a row in `table.py`, `adapt.py`
applies them to a frozen model, and `proof.py` makes sure that the function stays the same.
"""

from __future__ import annotations
