"""The changes of scoring's state: by arriving submissions, by passing days, by a rebuild."""
