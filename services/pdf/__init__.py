"""PDF files of Word documents: a service by itself, in an image with LibreOffice. It holds no data and no secrets."""
