"""QR codes for terminals: two rows of modules to a line of text, by half blocks."""

from __future__ import annotations

import segno

BORDER = 2  # modules of white around it: the standard asks for 4, readers do with less, and 24 lines have no more room
_BLOCKS = {(0, 0): " ", (1, 0): "\N{UPPER HALF BLOCK}", (0, 1): "\N{LOWER HALF BLOCK}", (1, 1): "\N{FULL BLOCK}"}


def qr_lines(text: str) -> list[str]:
    """The code of `text` as lines of equal length, to be drawn in black on white: a terminal's own colours may be the
    wrong way round for a camera."""
    # Level L, and no better one where there is room: on a screen nothing is smudged, and a small code fits it.
    code = segno.make(text, error="l", boost_error=False, micro=False)
    rows = [[int(bool(module)) for module in row] for row in code.matrix_iter(border=BORDER)]
    rows.append([0] * len(rows[0]))  # every code has an odd number of them
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return ["".join(_BLOCKS[pair] for pair in zip(above, below, strict=True)) for above, below in pairs]
