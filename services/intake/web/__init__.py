"""The door for people: a page on which a district officer sends workbooks and follows what becomes of them."""
