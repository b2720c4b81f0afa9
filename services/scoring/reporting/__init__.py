"""What the monthly report says (pure): from judged facts to a paper of headings, paragraphs and tables."""
