#!/bin/sh
# Runs a script with Podman in mount and network namespaces of its own, so that nothing of it outlives the script.
#
# usage: podman.sh ROOT FOLDER SCRIPT
#   ROOT    tree with Podman and all that it needs
#   FOLDER  becomes /srv/shop, where the script runs
#   SCRIPT  for the busybox shell of the tree
set -e
root=$1 folder=$2 script=$3
mount --make-rprivate /
mount --bind "$root" "$root"
for dir in proc sys dev; do mount --rbind "/$dir" "$root/$dir"; done
# crun refuses a machine with both versions of control groups.
umount "$root/sys/fs/cgroup/unified" 2>/dev/null || true
# Containers and images are gone with the namespace.
for dir in run var/tmp var/lib/containers etc/containers/networks tmp; do
    mkdir -p "$root/$dir"
    mount -t tmpfs repair-test "$root/$dir"
done
mkdir -p "$root/srv/shop"
mount --bind "$folder" "$root/srv/shop"
ip link set lo up
cd /
exec env -i PATH=/usr/sbin:/usr/bin:/opt/busybox HOME=/root LC_ALL=C PODMAN_IGNORE_CGROUPSV1_WARNING=1 \
    chroot "$root" /opt/busybox/sh -c "cd /srv/shop && $script"
