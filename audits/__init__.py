"""Audit plans: dated, versioned rule packs as TOML files, read by :mod:`fairhire.auditing.plan`; see docs/plans.md."""
