# shellcheck shell=bash
# Sourced: what a step says of a process that the system ended.

# " (SIGKILL ended it, …)" for the status of such a process, nothing for others.
ended_by() { # STATUS REMEDY
  case $1 in
    134 | 135 | 137 | 139) echo " (SIG$(kill -l $(($1 - 128))) ended it, for want of memory perhaps: $2)";;
  esac
}
