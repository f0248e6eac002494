"""Pictures in the usual formats, and folders of them."""
