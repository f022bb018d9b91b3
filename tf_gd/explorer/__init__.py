"""The explorer: drag the start, change the rate, and see both optimizers answer.

* ``settings.py``: what the page may ask for, checked. ``answers.py``: what it is answered.
* ``drawing.py``: level lines and curves. ``page.py``: the page, live or without a server.
* ``server.py``: the live page on the loopback address. ``explore.py``: :func:`tf_gd.explore`.
* ``tape.js``: gradient descent in float32 for the page without a server; ``page.js``: the page;
  ``words.js``: what it says; ``engines.js``: who computes.
"""
