#!/usr/bin/env bash
# Brings up a real SLURM on this machine: nodes cn1 and cn2 in partition cpu, and gn1 with three GPUs
# in gpu.
# A GPU is a clone of the null device: SLURM hands it out, but nothing computes on it.
# Needs Debian and root; stop.sh ends it again.
set -euo pipefail
conf=/etc/slurm/slurm.conf mark='# minibatch: tests/slurm/start.sh'
host=$(hostname -s) state=/var/lib/slurm/minibatch run=/run/slurm logs=/var/log/slurm
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "error: needs root and Debian's apt-get" >&2
  exit 1
fi
if [ -e $conf ] && ! grep -qxF "$mark" $conf; then
  echo "error: $conf is not of this script; a SLURM of your own stays as it is" >&2
  exit 1
fi
if ! command -v slurmctld slurmd sbatch munged >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge
  if [ -d /run/systemd/system ]; then
    systemctl disable --now slurmctld slurmd munge
  fi
fi
"$(dirname "$0")/stop.sh"
rm -rf $state # jobs of an earlier cluster would start again
mkdir -p /etc/slurm /run/munge $state/ctld $state/d $run $logs
chown munge: /run/munge
if ! munge -n >/dev/null 2>&1; then
  runuser -u munge -- munged --pid-file /run/munge/minibatch.pid
fi
for i in 0 1 2; do mknod -m 666 $state/nvidia$i c 1 3; done # with plain files, no CUDA_VISIBLE_DEVICES
echo "NodeName=gn1 Name=gpu File=$state/nvidia[0-2]" >/etc/slurm/gres.conf
# JobRequeue=0: what a node loses comes back to Snakemake. MinJobAge: the tests look at ended jobs.
cat >$conf <<CONF
$mark
ClusterName=minibatch
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$state/ctld
SlurmdSpoolDir=$state/d/%n
SlurmctldPidFile=$run/slurmctld.pid
SlurmdPidFile=$run/slurmd-%n.pid
SlurmctldLogFile=$logs/slurmctld.log
SlurmdLogFile=$logs/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
GresTypes=gpu
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=1
MinJobAge=3600
KillWait=2
SlurmdTimeout=30
JobRequeue=0
NodeName=cn1 NodeHostname=$host NodeAddr=127.0.0.1 Port=17001 CPUs=8 RealMemory=16000
NodeName=cn2 NodeHostname=$host NodeAddr=127.0.0.1 Port=17002 CPUs=8 RealMemory=16000
NodeName=gn1 NodeHostname=$host NodeAddr=127.0.0.1 Port=17003 CPUs=8 RealMemory=64000 Gres=gpu:3
PartitionName=cpu Nodes=cn[1-2] Default=YES DefaultTime=10 MaxTime=60
PartitionName=gpu Nodes=gn1 DefaultTime=10 MaxTime=60
CONF
slurmctld
for node in cn1 cn2 gn1; do slurmd -N $node; done
for ((end = SECONDS + 30; SECONDS < end; )); do
  idle=$(timeout 2 scontrol show node --oneliner 2>/dev/null | grep -c ' State=IDLE ') || true
  [ "$idle" = 3 ] && exit 0
  sleep 0.1
done
tail $logs/*.log >&2
echo "error: SLURM does not come up" >&2
exit 1
