"""The one thing pyproject.toml cannot say: the C kernel is built when it can be.

`avowal._kernel` is an optional extension over the stable ABI of Python 3.11, so one wheel
serves every later Python.  Without a compiler or Python.h the installation succeeds and the
pure-Python twin serves; a wheel built so is named ``py3-none-any``.  Two switches in the
environment: `AVOWAL_PURE=1` leaves the kernel out; `AVOWAL_KERNEL=require` makes a failure to
build it an error (for whoever makes wheels).
"""

import os
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel

SOURCE = "src/avowal/_kernel.c"

wanted = os.environ.get("AVOWAL_PURE") != "1" and Path(SOURCE).exists()
kernel = Extension(
    "avowal._kernel",
    sources=[SOURCE],
    define_macros=[("Py_LIMITED_API", "0x030B0000")],
    extra_compile_args=["-O3"] if os.name == "posix" else ["/O2"],
    py_limited_api=True,
    optional=os.environ.get("AVOWAL_KERNEL") != "require",
)


class Wheel(bdist_wheel):
    """Tags what was built: without a kernel in it, a wheel is one for every platform."""

    def run(self) -> None:
        """Try to build the kernel before the wheel is named."""
        if wanted:
            self.run_command("build_ext")
            built = self.get_finalized_command("build_ext").get_outputs()
            if not all(Path(path).exists() for path in built):
                self.distribution.ext_modules = []
                self.root_is_pure = True
        super().run()


setup(
    cmdclass={"bdist_wheel": Wheel},
    ext_modules=[kernel] if wanted else [],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if wanted else {},
)
