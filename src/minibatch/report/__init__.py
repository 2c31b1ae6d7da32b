"""From tables and figures to a page."""
