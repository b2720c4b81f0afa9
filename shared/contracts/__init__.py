"""Messages that cross a border between services, and the words and subjects that they use."""
