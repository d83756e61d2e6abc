//! The admin listener: the console, and nothing of the pull path.
