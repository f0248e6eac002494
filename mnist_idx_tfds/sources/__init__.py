"""What `pack` makes a set of: one module for each form, and what all forms give."""
