"""What keeps data: files, key-value files and databases behind the protocols of lower layers."""
