"""The probe and ``tfcompat check`` in real containers, made and run by podman and runc. ``nox -s containers`` runs them."""
