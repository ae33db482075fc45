"""The web page: speak and read along, give it a recording, see what goes on inside."""
