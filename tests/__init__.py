"""The tests, in a folder for each kind of part that they need."""
