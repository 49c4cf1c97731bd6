"""``python -m avowal`` is the command `avowal`."""

from __future__ import annotations

from avowal.cli import main

if __name__ == "__main__":
    main()
