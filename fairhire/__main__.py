"""Runs the command line as ``python -m fairhire``."""

from fairhire.commands import main

if __name__ == "__main__":
    main()
