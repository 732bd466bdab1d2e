#!/bin/sh
# Runs a Docker daemon for as long as standard input stays open, then takes down everything of it. The owner holds the
# other end of that pipe, so the daemon ends with its owner however the owner ends.
#
# usage: supervise.sh RUN RUNTIME [DAEMON [ARGUMENT…]]
#   RUN      folder of this run: data, daemon.log, records
#   RUNTIME  short folder with socket and exec root
# Without a daemon it takes down what a killed supervisor left.
run=$1 runtime=$2
shift 2
# A handler that does nothing: this shell outlives polite signals, and what it starts still gets them.
trap : HUP INT TERM
if [ $# -gt 0 ]; then
    {
        "$@" </dev/null >"$run/daemon.log" 2>&1 &
        echo $! >"$run/daemon.pid.new"
        mv "$run/daemon.pid.new" "$run/daemon.pid"
        wait $!
        echo $? >"$run/ended"
    } &
    until [ -e "$run/daemon.pid" ]; do sleep 0.01; done
    cat >/dev/null
fi

export DOCKER_HOST="unix://$runtime/d.sock"
# Process ids are given again, so the command line has to be ours.
alive() { pid=$(cat "$1" 2>/dev/null) && grep -q -s -F "$runtime" "/proc/$pid/cmdline"; }
# The second argument is the seconds to wait for; a fifth of a second is short enough for people.
ended_within() { for _ in $(seq $(($2 * 5))); do alive "$1" || return 0; sleep 0.2; done; return 1; }

if alive "$run/daemon.pid"; then
    containers=$(timeout 20 docker ps --all --quiet)
    [ -z "$containers" ] || timeout 60 docker rm --force --volumes $containers >/dev/null
    # The daemon would leave the bridges of its networks in the system.
    networks=$(timeout 20 docker network ls --quiet --filter type=custom)
    [ -z "$networks" ] || timeout 60 docker network rm $networks >/dev/null
    kill -TERM "$(cat "$run/daemon.pid")"
fi
for pidfile in "$run/daemon.pid" "$runtime/exec/containerd/containerd.pid"; do
    ended_within "$pidfile" 20 || kill -KILL "$(cat "$pidfile")"
done
findmnt --noheadings --list --output TARGET | grep -F -e "$run/" -e "$runtime/" | sort -r |
    while IFS= read -r mounted; do umount --lazy "$mounted"; done
cp "$run/daemon.log" "$run/../../last-daemon.log" 2>/dev/null
rm -rf "$runtime" "$run"
