"""Borders of communes from a GeoJSON file beside the installation: read, checked, and drawn for the map (pure)."""
