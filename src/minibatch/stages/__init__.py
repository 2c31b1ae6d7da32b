"""The stages of the pipeline: each reads files of earlier stages and writes one of its own."""
