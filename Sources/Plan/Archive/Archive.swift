// Archive: tar, gzip and zstd over bytes
