#!/bin/sh
# Stands in for a function in tests and does what ACT says. It speaks no HTTP: it leaves the address of its
# Runtime API in ADDRESS_FILE, where the test polls in its place, and ends with status 7 once END_FILE exists,
# which it takes away: it was meant for this process and not for the next. Where its services are, and its number, it
# leaves beside.
case "$ACT" in
fail)
    printf 'MARKET must be set\nKINDS must be set\n' >&2
    exit 3
    ;;
show)
    env
    ;;
flood)
    seq -f '%.0f lines of the flood were written' 2000
    ;;
esac
env | grep '^AWS_ENDPOINT_URL_' >"$ADDRESS_FILE.services"
echo $$ >"$ADDRESS_FILE.process"
printf %s "$AWS_LAMBDA_RUNTIME_API" >"$ADDRESS_FILE.$$"
# The file of a process that the test has not taken yet stays.
until ln "$ADDRESS_FILE.$$" "$ADDRESS_FILE" 2>/dev/null; do
    sleep 0.01
done
# A shell that is stopped while it starts another process waits for that one, which looks different.
if [ "$ACT" = sleep ]; then
    exec sleep 60
fi
while [ ! -e "$END_FILE" ]; do
    sleep 0.01
done
rm "$END_FILE"
echo 'out of luck' >&2
exit 7
