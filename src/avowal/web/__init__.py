"""``avowal web``: the inspector, pages about a message and a domain for one person's browser.

A message is dropped or pasted, examined in memory and told as a `report.Report`; nothing is
written anywhere.  `application` answers requests, `session` lets one browser in, `server` runs
both on a socket.  docs/howto/web.md is the manual.
"""
