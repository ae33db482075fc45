"""`python -m oyez`: the command line, where no script is installed, and under torchrun."""

from oyez.app.cli import main

main()
