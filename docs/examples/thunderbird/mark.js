// What to show of a message, by the mark that one's own border writes (results.mark).
// The border removes every such field that comes in: without that promise this proves nothing.
"use strict";

const MARK = "x-author-verified";

// The domain of an author's address, lower-cased, in A-labels; null where there is no single one.
// The parser of the program's own URLs knows IDNA.
function domainOf(author) {
  const addresses = author.match(/[^\s<>@",;:]+@[^\s<>@",;:]+/g) || [];
  if (addresses.length === 0) return null;
  const last = addresses[addresses.length - 1]; // the one in angle brackets stands last
  try {
    return new URL("http://" + last.slice(last.lastIndexOf("@") + 1)).hostname.toLowerCase();
  } catch {
    return null;
  }
}

// `headers`: arrays of values by lower-cased name, as messages.getFull() gives them.
// Returns {label, title}: an empty label shows nothing, for a missing mark says nothing.
function shown(headers, author) {
  const marks = headers[MARK] || [];
  const nothing = { label: "", title: "No mark: that says nothing about this message." };
  if (marks.length !== 1) return nothing; // two are none: somebody added one
  const found = /^\s*([a-z0-9.-]+); by=(dkim|arc)\s*$/.exec(marks[0]);
  if (!found) return nothing;
  const domain = domainOf(author);
  if (domain === null) return nothing;
  // A domain above the author's vouches too (relaxed alignment); by whole labels only.
  if (domain !== found[1] && !domain.endsWith("." + found[1])) return nothing;
  return { label: "\u2713 " + found[1], title: found[1] + " vouches for this message." };
}

if (typeof module !== "undefined") module.exports = { domainOf, shown };
