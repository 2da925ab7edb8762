"""`python -m tfreg` is the command line."""

import sys

from tfreg.cli import main

if __name__ == "__main__":
    sys.exit(main())
