"""Judging: values in, verdicts out. Nothing here reads, writes, or asks a clock."""
