#!/bin/sh
# A scanner that takes its time and finds nothing: SECONDS DIGEST.
sleep "$1"
printf '{"scanner":{"name":"slow","version":"1"},"artifact":{"digest":"%s"},"verdict":"pass","vulnerabilities":[]}' "$2"
