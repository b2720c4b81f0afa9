"""What changes scoring's state: arriving submissions, passing days, a rebuild."""
