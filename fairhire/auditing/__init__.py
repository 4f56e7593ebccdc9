"""The wing that judges: it may know who people are, and never imports torch or the training wing."""
