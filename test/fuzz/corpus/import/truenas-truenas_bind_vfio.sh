#!/bin/sh
PREREQS=""
DEVS="0000:02:00.0 0000:02:00.1"
for DEV in $DEVS;
  do echo "vfio-pci" > /sys/bus/pci/devices/$DEV/driver_override
done
modprobe -i vfio-pci
