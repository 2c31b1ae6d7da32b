#!/usr/bin/env bash
# Ends what start.sh started, its jobs included, and waits until nothing of it runs.
set -euo pipefail
if ! grep -qxsF '# minibatch: tests/slurm/start.sh' /etc/slurm/slurm.conf; then exit 0; fi
if [ -e /run/slurm/slurmctld.pid ] && timeout 5 squeue >/dev/null 2>&1; then
  squeue -ho %A | xargs -r scancel
  for ((end = SECONDS + 20; SECONDS < end; )); do
    [ -z "$(squeue -h)" ] && break
    sleep 0.1
  done
fi
for file in /run/slurm/slurmd-*.pid /run/slurm/slurmctld.pid /run/munge/minibatch.pid; do
  [ -e "$file" ] || continue
  pid=$(<"$file")
  rm -f "$file"
  # The number may be another process's by now, and a process that nobody waits for has no command.
  for ((sent = 0; ; sent = 1)); do
    case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in slurm* | munged*) ;; *) break ;; esac
    [ $sent = 1 ] || kill "$pid"
    sleep 0.05
  done
done
