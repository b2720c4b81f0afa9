"""Programs that tests run by `python -c`."""

from __future__ import annotations

ON_A_FULL_DISK = """
import resource, sys
from services.cli.main import app
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
app(sys.argv[1:])
"""
"""The program `ntm` where no file can become longer."""

NTM = "from services.cli.main import app; app()"
"""The program `ntm`."""
