"""Names that people give, and what is made of them: slugs, branches, and whom a name on the command line means."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from workers.errors import Refused

NAME_MAX = 64
SLUG_MAX = 32
SUFFIX_LENGTH = 6  # 30 bits: two of 32 sessions with one slug meet once in two million boxes
SUFFIX_OCTETS = 4  # of chance, from which a suffix is made
PREFIX_MIN = 4  # shorter beginnings of a uuid name too many sessions to be meant

SESSION_ID = re.compile("session_[A-Za-z0-9_-]{1,92}")  # what else lies among bundles and trash is not ours
PUNCTUATION = frozenset(" -_.#/")
# Letters and marks that show nothing: with one of them two names can look alike, as with a format character.
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
VARIATION_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def check_name(text: str) -> str:
    """The name as it is kept: composed (NFC), 1 to 64 characters. Raises Refused `invalid` with the cause.

    Allowed are letters of any script with their marks, digits, space and `-_.#/`.
    """
    name = unicodedata.normalize("NFC", text)
    if not name:
        raise _invalid("a name cannot be empty")
    if len(name) > NAME_MAX:
        raise _invalid(f"a name has at most {NAME_MAX} characters, this one has {len(name)}")
    stranger = next((character for character in name if not _allowed(character)), None)
    if stranger is not None:
        title = unicodedata.name(stranger, "a control character or unassigned")
        raise _invalid(f"a name cannot hold U+{ord(stranger):04X} ({title.lower()})")
    if not name.strip(" "):
        raise _invalid("a name cannot be made of spaces alone")
    return name


def _allowed(character: str) -> bool:
    if character in PUNCTUATION:
        return True
    if character in INVISIBLE or any(ord(character) in selectors for selectors in VARIATION_SELECTORS):
        return False
    category = unicodedata.category(character)
    return category[0] in "LM" or category == "Nd"


def _invalid(cause: str) -> Refused:
    return Refused("invalid", cause, "use letters, digits, spaces and - _ . # /, at most 64 characters")


def default_name(agent: str, taken: Collection[str]) -> str:
    """`<agent>-<n>` with the smallest n from 1 that is not in `taken` (the person's names that are not archived)."""
    number = 1
    while True:
        tail = f"-{number}"
        name = agent[: NAME_MAX - len(tail)] + tail
        if name not in taken:
            return name
        number += 1


def slug(name: str) -> str:
    """What stands for a name in branches and paths: `[a-z0-9]` and single dashes inside, 1 to 32 characters."""
    text = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    return text[:SLUG_MAX].rstrip("-") or "session"


def suffix(chance: bytes) -> str:
    """Six characters of `[a-z2-7]` out of four octets of chance."""
    return base64.b32encode(chance).decode().lower()[:SUFFIX_LENGTH]


def branch_name(slug: str, suffix: str, *, rc_is_a_branch: bool) -> str:
    """The branch of a session's worktree. Git cannot have `rc/x` beside a branch `rc`: there it is `rc-x`."""
    return f"rc{'-' if rc_is_a_branch else '/'}{slug}-{suffix}"


@dataclass(frozen=True, slots=True)
class Known:
    """What a look-up sees of a session. `own`: it belongs to the person who asks."""

    id: str
    name: str
    own: bool = True
    archived: bool = False

    @property
    def uuid(self) -> str:
        return self.id.rpartition("_")[2]


def look_up(wanted: str, sessions: Sequence[Known]) -> list[Known]:
    """Whom `S` means on the command line: nobody (empty), one, or several between which the asker must choose.

    The first of these that matches anyone decides: whole id, a name of an own session, a name, a beginning of a
    uuid of at least 4 characters. Names are unique only among what is not archived, so there it goes first.
    """
    name = unicodedata.normalize("NFC", wanted)
    rungs = (
        [session for session in sessions if session.id == wanted],
        [session for session in sessions if session.own and session.name == name],
        [session for session in sessions if session.name == name],
        [session for session in sessions if _begins(session, wanted)],
    )
    found: list[Known] = next(filter(None, rungs), [])
    return [session for session in found if not session.archived] or found


def _begins(session: Known, wanted: str) -> bool:
    prefix = wanted.lower().removeprefix(session.id.removesuffix(session.uuid))
    return len(prefix) >= PREFIX_MIN and session.uuid.startswith(prefix)
