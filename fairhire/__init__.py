"""Hiring models that do not judge by the face, and audits that can prove it."""

__version__ = "0.1.0"
