"""Examples of following the changes, which run by themselves; the tests run each."""
