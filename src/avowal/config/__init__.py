"""The operator's configuration: one model, read from TOML or translated from opendkim.conf.

`model` holds every option with its meaning and default; `toml` reads files and names each
mistake by file, line, column and key; `places` remembers where an option was set;
`addresses` and `hosts` are the compiled sets and tables that options describe; `reference`
and `sample` are written from the model.  What is done with a message is left to `flow`.
"""
