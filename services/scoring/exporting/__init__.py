"""Tables for other programs: their rows and columns with what these mean, and the file formats that need a library."""
