"""The command line, ``python -m vgae_core COMMAND``."""

from vgae_core.cli import program

if __name__ == "__main__":
    program()
