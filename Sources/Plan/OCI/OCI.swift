// OCI: digest, reference, manifest, image config
