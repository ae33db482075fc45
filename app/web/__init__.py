"""The web page: speak and read along, give it a recording, see what goes on inside."""

from oyez.app.web.page import build_page, serve

__all__ = ["build_page", "serve"]
