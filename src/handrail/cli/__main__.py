"""`python -m handrail.cli`: the same as `handrail`."""

import sys

from handrail.cli import main

sys.exit(main())
