"""``python -m tf_gd`` is ``tf-gd``."""

import sys

from tf_gd.command.cli import main

sys.exit(main())
