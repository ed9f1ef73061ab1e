"""From a wish to a running, checked image, with real parts. ``nox -s path`` runs it; docs/whole-path.md is what it runs, and is explained there."""
