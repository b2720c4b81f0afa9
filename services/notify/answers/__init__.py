"""Answers to mails: read from a mailbox, and taken as an acknowledgement or kept as a note."""
