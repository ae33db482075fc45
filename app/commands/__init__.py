"""Commands that are typed: the command line for commands files, what is done when one is heard, how it is tuned."""
