"""Why a hand-written step differs from Keras's; report.py says how the search works."""
