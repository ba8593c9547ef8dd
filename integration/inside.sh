#!/bin/sh
# Runs a command inside a root folder: inside.sh ROOT COMMAND...
# What it changes there is gone when it ends, and this machine sees none of its mounts. This checkout,
# cargo's target folder and /tmp are there under their own names.
set -eu
checkout=$(cd "$(dirname "$0")/.." && pwd)
CHECKOUT=$checkout TARGET=${CARGO_TARGET_DIR:-$checkout/target} ROOT=$(cd "$1" && pwd)
shift
export CHECKOUT TARGET ROOT PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# /mnt of this machine is covered in the new namespace alone.
exec unshare --mount --propagation private sh -euc '
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/upper /mnt/work /mnt/root
    mount -t overlay -o "lowerdir=$ROOT,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root
    for shared in /proc /sys /dev /tmp "$CHECKOUT" "$TARGET"; do
        mkdir -p "/mnt/root$shared"
        mount --rbind "$shared" "/mnt/root$shared"
    done
    mount -t tmpfs -o mode=755 tmpfs /mnt/root/run
    cd /mnt/root
    pivot_root . mnt
    umount -l /mnt
    cd "$CHECKOUT"
    unset ROOT TARGET CHECKOUT
    exec "$@"
' sh "$@"
