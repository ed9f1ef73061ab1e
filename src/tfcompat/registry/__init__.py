"""What registries say of images: Docker Hub's API and the OCI distribution API behind one Protocol."""
