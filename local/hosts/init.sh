#!/bin/sh
# The first process of a host. It starts in mount, network, pid, uts and ipc namespaces of its own,
# so that everything it makes (mounts, processes, the network link) ends with it.
#   init.sh BASE LAYERS HOSTNAME
# BASE: the shared root, read only. LAYERS: the host's own folder, kept when the host stops.
# It writes "mounted" to standard output when the root stands. SIGKILL ends it at once, SIGTERM in
# order.
set -eu
base=$1 layers=$2 hostname=$3

cd "$layers"
mkdir -p lower upper work root
# The names are relative: an overlay option cannot contain a path with a comma or a colon, and a
# checkout's path may have one.
mount --bind "$base" lower
mount -o remount,bind,ro lower
if [ -e root/.sealpost-copy ] || ! mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root 2>overlay.log; then
  # Some file systems do not support an overlay (another overlay, some network mounts). The host
  # then gets its own copy, some 300 MB.
  [ -e root/.sealpost-copy ] || { cp -a lower/. root/ && : >root/.sealpost-copy; }
  mount --bind root root
fi
cd root
mount -t proc proc proc
mount -t tmpfs -o mode=755,size=64m tmpfs run
mount -t tmpfs -o mode=1777,size=256m tmpfs tmp
mount -t tmpfs -o mode=755,size=1m tmpfs dev
mkdir -p dev/pts dev/shm run/lock
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,size=64m tmpfs dev/shm
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
hostname "$hostname"
echo "$hostname" >etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s %s\n' "$hostname" "${hostname%%.*}" >etc/hosts
rm -f etc/resolv.conf # mmdebstrap leaves the machine's, perhaps as a link; the host's own is written when its link stands

pivot_root . mnt
cd /
umount -l /mnt
echo mounted

stop() {
  trap '' TERM
  kill -TERM -1 2>/dev/null || true
  tries=0
  while set -- /proc/[0-9]*; [ $# -gt 1 ] && [ "$tries" -lt 20 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  exit 0
}
trap stop TERM
# Each round of wait reaps the orphans since the last round.
while :; do
  sleep 1000 &
  wait || true
done
