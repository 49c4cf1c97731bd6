"""``import dkim`` gives the door: this folder stands first on the path of dkimpy's dependants."""

import sys

from avowal.compat import dkim

sys.modules[__name__] = dkim
