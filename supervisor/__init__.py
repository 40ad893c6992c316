"""What runs once per box. Kept free of code: another distribution on PyPI owns a package of the same name."""
