"""From tables and figures to a page, and from a comparison to text."""
