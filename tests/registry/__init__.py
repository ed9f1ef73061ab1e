"""Tests against a real container registry on loopback, and the parts they speak to. ``nox -s registry`` runs them."""
