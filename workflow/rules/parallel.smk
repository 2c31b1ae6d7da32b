# Times a step that several processes share, each with a part of the batch.
# reads  results/data/examples.parquet
# writes results/parallel/DEVICE.parquet
RANKS = max(config["parallel"]["ranks"])


rule parallel:
    input:
        "results/data/examples.parquet",
    output:
        "results/parallel/{device}.parquet",
    log:
        "results/logs/parallel/{device}.log",
    threads: lambda wc: max(RANKS, all_cores(wc))  # nothing else runs beside a measurement
    resources:
        gpu=lambda wc: RANKS if wc.device == "cuda" else 0,
    params:
        config=lambda wc: canonical(TABLES[f"results/parallel/{wc.device}.parquet"]),
        code=code("minibatch.stages.parallel"),
    message:
        "Timing steps of up to {RANKS} ranks on {wildcards.device}"
    shell:
        "{PYTHON} -m minibatch.torchrun --standalone --local-addr=localhost"
        " --log-dir=/dev/null --nproc-per-node={RANKS}"
        " -m minibatch.stages.parallel --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
