"""`python -m neigung`: the command line."""

from neigung.cli import main

if __name__ == "__main__":
    main()
