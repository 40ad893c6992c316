"""The ground of the inspector's own tests, for those who ask it."""

from tests.workers.conftest import first_ground, ground, inspectors

__all__ = ["first_ground", "ground", "inspectors"]
