"""DKIM in the plainest words of RFC 6376: slow, short, and written without the library.

One function for each paragraph that defines octets.  Nothing here is meant to be fast, to stream
or to bear limits; it is what the library is compared with.
"""

from __future__ import annotations


def unfolded(value: bytes) -> bytes:
    """§3.4.2: remove each CRLF that white space follows."""
    made = b""
    at = 0
    while at < len(value):
        if value[at : at + 2] == b"\r\n" and value[at + 2 : at + 3] in (b" ", b"\t"):
            at += 2
        else:
            made += value[at : at + 1]
            at += 1
    return made


def squeezed(value: bytes) -> bytes:
    """§3.4.2, §3.4.4: each run of SP and HTAB becomes one SP."""
    made = b""
    for at in range(len(value)):
        octet = value[at : at + 1]
        if octet not in (b" ", b"\t"):
            made += octet
        elif not made.endswith(b" "):
            made += b" "
    return made


def relaxed_field(field: bytes) -> bytes:
    """§3.4.2, a field without its final CRLF."""
    name, _, value = field.partition(b":")
    return name.rstrip(b" \t").lower() + b":" + squeezed(unfolded(value)).strip(b" ")


def lines_of(body: bytes) -> list[bytes]:
    """The lines of a body; what stands behind the last CRLF is a line if it is not empty."""
    lines = body.split(b"\r\n")
    return lines if lines[-1] else lines[:-1]


def simple_body(body: bytes) -> bytes:
    """§3.4.3."""
    lines = lines_of(body)
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines) or b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """§3.4.4."""
    lines = [squeezed(line.rstrip(b" \t")) for line in lines_of(body)]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def fields_of(header: bytes) -> list[bytes]:
    """RFC 5322 §2.2: a field ends at a CRLF that white space does not follow."""
    fields: list[bytes] = []
    for line in header.removesuffix(b"\r\n").split(b"\r\n") if header else []:
        if fields and line[:1] in (b" ", b"\t"):
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    return fields


def selected(fields: list[bytes], names: list[bytes]) -> list[bytes]:
    """§5.4.2: for each mention the lowest instance of the name that is not yet used."""
    left = list(fields)
    chosen = []
    for name in names:
        for at in reversed(range(len(left))):
            if left[at].partition(b":")[0].rstrip(b" \t").lower() == name.lower():
                chosen.append(left.pop(at))
                break
    return chosen


def signed_octets(fields: list[bytes], names: list[bytes], form: str, own: bytes) -> bytes:
    """§3.7: the selected fields, then the signature field with an empty b=, without CRLF."""
    canonical = relaxed_field if form == "relaxed" else bytes
    chosen = b"".join(canonical(field) + b"\r\n" for field in selected(fields, names))
    return chosen + canonical(own)


def without_b(field: bytes) -> bytes:
    """§3.7: the value of b= and the white space around it deleted."""
    start, _, value = field.partition(b":")
    specs = value.split(b";")
    for at, spec in enumerate(specs):
        name, equals, _ = spec.partition(b"=")
        if name.strip(b" \t\r\n") == b"b":
            specs[at] = name + equals
    return start + b":" + b";".join(specs)
