# Fetches the dataset, or makes a surrogate where no network is.
# reads  MINIBATCH_DATA_DIR or the addresses of dataset.sources
# writes results/data/airfoil.dat, and where it came from beside it


localrules:
    download,


rule download:
    """The dataset, fetched and verified, or a surrogate where no network is."""
    output:
        table=update("results/data/airfoil.dat"),
        source=update("results/data/airfoil.json"),
    log:
        "results/logs/download.log",
    params:
        config=canonical({name: config["dataset"][name] for name in ("offline", "sources")}),
        code=code("minibatch.stages.download"),
    message:
        "Downloading the dataset"
    shell:
        "{PYTHON} -m minibatch.stages.download --parameters {params.config:q}"
        " --output {output.table} 2>&1 | tee {log} >&2"
