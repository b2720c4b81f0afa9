"""The slots in which heavy questions are answered beside the loop."""

from shared.http.work_slots import WorkSlots

SLOTS = WorkSlots(at_once=2, limit=8)
"""A whole province takes a second of the processor, and its figures take room in memory."""
