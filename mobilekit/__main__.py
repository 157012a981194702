"""`python -m mobilekit`."""

from mobilekit.cli import main

if __name__ == "__main__":
    main()
