#!/usr/bin/env bash
# Ends what start.sh started, its jobs included, and waits until nothing of it runs.
set -euo pipefail
mark='# minibatch: tests/slurm/start.sh'
shopt -s nullglob
if ! grep -qxsF "$mark" /etc/slurm/slurm.conf; then exit 0; fi
if timeout 2 squeue >/dev/null 2>&1; then
  squeue -ho %A | xargs -r scancel
  for ((end = SECONDS + 20; SECONDS < end; )); do
    [ -z "$(squeue -h)" ] && break
    sleep 0.1
  done
fi
for file in /run/slurm/slurmd-*.pid /run/slurm/slurmctld.pid /run/munge/minibatch.pid; do
  pid=$(<"$file")
  rm -f "$file"
  # the number of a process that is long gone may be another's by now
  case $(cat "/proc/$pid/comm" 2>/dev/null) in slurmd | slurmctld | munged) ;; *) continue ;; esac
  kill "$pid" 2>/dev/null || true
  while [ -e "/proc/$pid" ]; do sleep 0.05; done
done
