"""Which batch size of stochastic gradient descent is best on this machine, and why.

A line a room, in the order in which they may import one another: each only from those above it.

- errors      `UserError`, what the user can mend
- tables      Parquet with a checksum, canonical JSON, atomic files, provenance; reading them again
- sgd         what is computed, and the oracles that it is checked against
- frameworks  one module a framework, found by its file
- locks       one run at a time in a folder; only the Snakefile, plan/boot and command use them
- plan        what config.yaml asks for, checked, and what each job reads; only the Snakefile
              imports it
- own         what the user brings: a table, or a model, and what is measured of it
- summaries   tables → the numbers of the report and of the comparison, one module each
- figures     tables → figure, one module each
- report      which of the numbers are shown, and how; the words of the page are in its templates,
              workflow/resources/*.html.j2
- command     what the command lines of all stages have in common
- stages      one module a stage, run as `python -m minibatch.stages.NAME`
- progress    Snakemake under one bar, for make
- answer      the question for what the user brings, for make
- torchrun    starts the ranks of a stage that several processes share
- compare     the results of several machines side by side
"""
