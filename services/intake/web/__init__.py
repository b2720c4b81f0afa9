"""The page on which a district officer sends workbooks and follows their figures."""

from pathlib import Path

from services.intake.texts import phrase
from shared.page import page_router
from shared.spreadsheet.guard import UPLOAD_LIMIT

router = page_router(
    "intake", phrase("web.title"), Path(__file__).parent / "static", {"upload-limit": str(UPLOAD_LIMIT)}
)

__all__ = ["router"]
