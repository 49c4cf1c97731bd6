"""Why a signature failed, proven: an original that hashes to what was signed (RFC 6376 §3.7).

`explain` splits a failure into key, signature, header and body, tries what lists and servers
are known to do (`registry`) backwards, and takes equality of hashes for the only proof.
Nothing here makes a signature pass: what is found explains, and no policy reads it.
"""
