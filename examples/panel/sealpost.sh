#!/bin/sh
# Tells sealpost what a panel has just done. The AWS command puts one event on the bus.
#   sealpost.sh BUS 'Domain Created' '{"domain":"example.com","mailServers":["mx1.example.net"]}'
# The panel's role is one of the senders. Exit code 1: the event was not accepted, so try again.
set -eu
bus=$1 type=$2 detail=$3

# put-events takes JSON, in which the detail is a string: quotes and backslashes are escaped.
escaped=$(printf '%s' "$detail" | sed 's/\\/\\\\/g; s/"/\\"/g')
failed=$(aws events put-events --query FailedEntryCount --output text --entries \
  "[{\"EventBusName\":\"$bus\",\"Source\":\"panel\",\"DetailType\":\"$type\",\"Detail\":\"$escaped\"}]")
[ "$failed" = 0 ] || { echo "sealpost: $type was not accepted" >&2; exit 1; }
