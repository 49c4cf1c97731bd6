"""The face that takes OpenDKIM's place: its command line, its files, its decisions, its words."""
