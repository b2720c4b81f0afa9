"""The version of judging."""

from __future__ import annotations

JUDGING = 1
"""Rises whenever the same figures and reference data may lead to other verdicts than before; CHANGELOG.md says how.

A state of another version stays as it was judged until `ntm rebuild` judges all of it again.
`python -m tests.judged_sample` records what it makes of the sample year, and refuses where that changed without a rise.
"""
