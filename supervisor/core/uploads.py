"""What may be uploaded to a session: names and sizes."""

from __future__ import annotations

import unicodedata

from workers.errors import Refused

UPLOAD_LIMIT = 100 << 20  # octets of one file; what is larger comes to the box by other ways
UPLOADS_MAX = 1000  # of one session; a directory of them is still read in a moment
NAME_MAX = 200  # octets; file systems take 255, and our mark of a half one is in front of it


def check_upload_name(name: str) -> str:
    """The name of a file as it is kept: composed (NFC), one component, nothing that a shell, a terminal or `ls` would
    take for something else. Raises Refused(`invalid`)."""
    composed = unicodedata.normalize("NFC", name)
    if not 0 < len(composed.encode(errors="surrogatepass")) <= NAME_MAX:
        raise _invalid(f"the name of a file has 1 to {NAME_MAX} octets")
    if composed[0] in ".-~ " or composed[-1] == " ":
        raise _invalid(f"the name of a file does not begin with {composed[0]!r}, nor end with a space")
    stranger = next((each for each in composed if not _allowed(each)), None)
    if stranger is not None:
        raise _invalid(f"the name of a file cannot hold U+{ord(stranger):04X}")
    return composed


def _allowed(character: str) -> bool:
    """No control or format character, no space but the common one, no separator, nothing that was not UTF-8."""
    return character == " " or (character not in "/\ufffd" and unicodedata.category(character)[0] not in "CZ")


def _invalid(cause: str) -> Refused:
    return Refused("invalid", cause, "choose another name", field="name")
