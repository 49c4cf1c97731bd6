"""SPF (RFC 7208): may this client use the names of the envelope?

`record` reads what a domain published, `macros` expands its domain-specs, `check` is the
check_host() of the RFC as a flow; `values` holds what goes in and comes out.
"""

from avowal.policy.spf.check import check_host, check_identity
from avowal.policy.spf.values import SpfLimits, SpfRequest, SpfResult, SpfWord

__all__ = ["SpfLimits", "SpfRequest", "SpfResult", "SpfWord", "check_host", "check_identity"]
