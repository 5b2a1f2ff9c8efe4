#!/bin/busybox sh
# The guest's first program. Its root is that of the host, read-only, below a layer in memory; /tmp, /run, /dev, /proc and
# /sys are its own. It makes the NVDIMMs what the tests want, runs the command, and tells the host by the port "control"
# what became of it: booted, ready, error WORDS, exit STATUS.

/bin/busybox mkdir -p /bin /dev /proc /sys /lower /layer /root /keep
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root LANG=C.UTF-8

stop() {
  sync
  reboot -f
  sleep 60
}

fail() {
  echo "$*"
  [ -z "$control" ] || echo "error $*" > "$control"
  stop
}

# The device of a port; the kernel announces it with some delay.
port() {
  for attempt in $(seq 1 1000); do
    for name in /sys/class/virtio-ports/*/name; do
      if [ "$(cat "$name" 2> /dev/null)" = "$1" ]; then
        found=${name%/name}
        echo "/dev/${found##*/}"
        return
      fi
    done
    usleep 10000
  done
}

mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in /modules/*; do
  insmod "$module" || echo "cannot load $module"
done

control=$(port control)
output=$(port output)
[ -n "$control" ] && [ -n "$output" ] || fail 'no ports to the host'
echo booted > "$control"

mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=512000 root /lower || fail 'no file system of the host'
mount -t tmpfs -o mode=755 tmpfs /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work overlay /root || fail 'no overlay'

# config: the folders that must be seen even if they are below one that is replaced, and what each region is to be
for word in $(cat /proc/cmdline); do
  case $word in vmem.run=*) run=${word#vmem.run=} ;; esac
done
. "/lower$run/config"

count=0
for folder in $KEEP; do
  count=$((count + 1))
  mkdir "/keep/$count"
  mount -o bind "/root$folder" "/keep/$count"
done
for folder in /tmp /run; do
  mkdir -p "/root$folder"
  mount -t tmpfs -o mode=1777 tmpfs "/root$folder"
done
count=0
for folder in $KEEP; do
  count=$((count + 1))
  mkdir -p "/root$folder"
  mount -o move "/keep/$count" "/root$folder"
done
mkdir -p /root/dev /root/proc /root/sys
mount -o bind /dev /root/dev
mount -o bind /proc /root/proc
mount -o bind /sys /root/sys
mkdir -p /root/dev/shm /root/dev/pts
mount -t tmpfs -o mode=1777 tmpfs /root/dev/shm
mount -t devpts devpts /root/dev/pts
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
ip link set lo up
hostname dax-vm

within() {
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot /root "$@"
}

# The kernel numbers the NVDIMMs in any order; the host has named what they are to be by their addresses. They have no labels,
# so each is one namespace, whose mode is changed in place.
regions=$(for region in /sys/bus/nd/devices/region*; do
  echo "$(printf %d "$(cat "$region/resource")") ${region##*/region}"
done | sort -n | cut -d ' ' -f 2)
namespace() { # NUMBER MODE [ALIGNMENT]
  within ndctl create-namespace -f -e "namespace$1.0" -m "$2" --map=mem ${3:+--align="$3"} > /ndctl 2>&1 ||
    fail "ndctl create-namespace of $2 ${3:-}: $(tail -n 3 /ndctl)"
}
set -- $NVDIMMS
for number in $regions; do
  if [ "$1" = fsdax ]; then
    namespace "$number" fsdax
    export DAX_BLOCK_DEVICE="/dev/pmem$number"
  else
    namespace "$number" devdax "$1"
    [ -c "/dev/dax$number.0" ] || fail "no /dev/dax$number.0"
    export "DAX_DEVICE_$1=/dev/dax$number.0"
  fi
  shift
done
mkdir -p "/root$DAX_DIR"
within mkfs.ext4 -q -b 4096 -E stride=512,stripe_width=512 "$DAX_BLOCK_DEVICE" > /mkfs 2>&1 || fail "mkfs.ext4: $(cat /mkfs)"
mount -t ext4 -o dax=always "$DAX_BLOCK_DEVICE" "/root$DAX_DIR" || fail 'no file system can be mounted with dax=always'

echo "ready $(cut -d ' ' -f 1 /proc/uptime)" > "$control"
within /bin/sh "$run/command" < /dev/null > "$output" 2>&1
status=$?
usleep 100000
echo "exit $status" > "$control"
umount "/root$DAX_DIR" 2> /dev/null
stop
