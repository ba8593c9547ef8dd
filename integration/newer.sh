#!/bin/sh
# Makes target/newer/SUITE: the root folder of a newer Debian with its engines, from where this machine's
# own packages come. `make test-newer` runs the tests of the engines in it.
set -eu
cd "$(dirname "$0")/.."
suite=$1
folder=$PWD/target/newer
root=$folder/$suite
[ ! -e "$root" ] || exit 0
[ "$(id -u)" = 0 ] || { echo "make newer: needs root" >&2; exit 1; }
sh integration/packages.sh mmdebstrap debian-archive-keyring

# What is installed, and without recommendations; the test programs look for the rest.
packages="runc crun containerd docker.io docker-cli docker-buildx podman conmon criu libcriu2 busybox-static
    libseccomp-dev systemd dbus bsdutils strace time util-linux mount procps jq python3-minimal iproute2
    iptables gcc libc6-dev nginx-light redis-tools ca-certificates"

# Where this machine has Debian's main archive from: the first one that is neither its updates nor its
# security fixes.
sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || :)
uri=$(printf '%s\n' "$sources" |
    sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*/\2/p' |
    grep '/debian/*$' | head -n 1)
[ -n "$uri" ] || { echo "make newer: no archive of Debian among this machine's sources" >&2; exit 1; }

# Nothing is started while it is installed, and half a root is none.
mkdir -p "$folder"
new=$folder/.$suite.new
rm -rf "$new"
mmdebstrap --quiet --mode=root --variant=minbase --architectures="$(dpkg --print-architecture)" \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --essential-hook='printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"' \
    --include="$(echo $packages | tr ' ' ',')" \
    "$suite" "$new" "deb $uri $suite main"
mv "$new" "$root"
