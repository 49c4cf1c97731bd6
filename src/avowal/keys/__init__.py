"""Keys as operators keep them: files, tables, records to publish."""
