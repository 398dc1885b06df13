// Compose: files to one typed project
