"""The faults of a mirror that numbers show; the faulty ones were seen after a kill."""

from __future__ import annotations

import pytest

from shared.nats.mirrors import Fault, fault_by_numbers


def state(first: int, last: int, messages: int | None = None) -> dict[str, int]:
    return {"first_seq": first, "last_seq": last, "messages": last - first + 1 if messages is None else messages}


@pytest.mark.parametrize(
    ("stream", "mirror", "fault"),
    [
        (state(1, 150), state(1, 150), None),
        (state(1, 150), state(1, 116), None),  # behind
        (state(1, 150), state(0, 0, 0), None),  # not begun
        (state(0, 0, 0), state(0, 0, 0), None),
        (state(5, 150), state(1, 150), None),  # the stream dropped old ones
        (state(151, 150), state(1, 150), None),  # the stream was emptied
        (state(1, 150, 140), state(1, 150), None),  # the stream erased some
        (state(1, 150, 140), state(1, 150, 140), None),
        (state(5, 150), state(1, 150, 140), None),  # erased in the part that the stream has dropped
        (state(1, 150), state(151, 150), Fault.LACKING),
        (state(1, 728), state(696, 728), Fault.LACKING),
        (state(1, 728), state(1, 728, 700), Fault.LACKING),
        (state(1, 3), state(1, 16), Fault.AHEAD),
        (state(0, 0, 0), state(1, 16), Fault.AHEAD),
    ],
)
def test_a_mirror_is_faulty_where_it_lacks_messages_or_goes_beyond_the_end(
    stream: dict[str, int], mirror: dict[str, int], fault: Fault | None
) -> None:
    assert fault_by_numbers(stream, mirror) == fault
