"""``avowal serve``: the application's question over HTTP, for programs in any language.

A raw message is posted to ``/verdict`` or ``/authenticate`` and examined while it arrives;
nothing of it is kept.  `application` answers requests, `server` runs it on a socket.
"""
