"""The door to fairhire from a checkout: ``python cli.py train --adversary face``."""

from fairhire.commands import main

if __name__ == "__main__":
    main()
