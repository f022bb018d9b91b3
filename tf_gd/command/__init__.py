"""The shell: ``tf-gd``, the tour and its page, the launcher, the doctor."""
