"""Proofs that take minutes, run by `make test-slow`."""
