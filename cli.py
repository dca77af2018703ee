"""`python cli.py ...` from a checkout; the same as `kerascnn ...` once installed."""

from kerascnn.cli import main

if __name__ == "__main__":
    main(prog_name="kerascnn")
