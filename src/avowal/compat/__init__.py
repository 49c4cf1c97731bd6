"""Modules for programs that were written for another library: change an import, keep the calls."""
