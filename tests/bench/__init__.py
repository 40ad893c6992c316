"""The figures of the product, beside those of its peers, from one run. `python -m tests.bench` makes them."""
