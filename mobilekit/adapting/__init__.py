"""What adapting a model to accelerators won: asked before, after, and after each rewrite.

The rewrites themselves are `mobilekit_converters.adaptations`. `counting.py` asks delegates,
`measuring.py` plans what a build asks, `outcome.py` puts the answers together for the report.
"""

from __future__ import annotations
