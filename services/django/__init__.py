"""The SideEye Django backend (:8000). The folder is named after the framework; see `sideeye/search_path.py`."""
