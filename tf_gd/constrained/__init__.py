"""Problems with constraints: forms, sets to project on, and four ways to solve them."""
