"""Pictures of any size, and what a network says of them."""
