"""Files and formats → tables in chunks."""
