"""The command line: ``tf-gd``, the tour and its page, the launcher, the doctor."""
