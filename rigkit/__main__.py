"""``python -m rigkit``."""

from rigkit.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
