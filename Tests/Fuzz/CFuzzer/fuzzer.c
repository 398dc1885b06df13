// Placeholder translation unit: a target needs one source.
