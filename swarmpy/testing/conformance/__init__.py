"""What every implementation of a seam must do: the real one, and the fake that stands for it.

Each suite is a tuple of async functions named after what they assert; the tests in
tests/conformance run them on both.
"""
