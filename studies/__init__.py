"""Studies of recurrent networks: each one command with a fixed seed that leaves a picture and a table."""
