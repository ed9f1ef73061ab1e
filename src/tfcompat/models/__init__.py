"""Model files: what they say of themselves, and which Keras loads them. Imported module by module, as most requests name no model."""
