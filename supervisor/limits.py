"""How many descriptors the supervisor may have."""

from __future__ import annotations

import resource

DESCRIPTORS = 16_384  # 1,024 connections of the owner, 1,024 sessions with a link, journals being read; and room


def raise_descriptor_limit() -> None:
    """Allow this process `DESCRIPTORS`, or as many as the account may have: the soft limit is 1,024 on most systems."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
