"""The wording of notices: templates, and the facts that fill them in."""
