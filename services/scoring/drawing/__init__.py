"""Reports as files: Word, Excel and PDF, drawn from a paper."""
