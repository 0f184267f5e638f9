"""Tells sealpost what a panel has just done: one event on the bus, by boto3."""

import json

import boto3


def tell(bus: str, detail_type: str, detail: dict) -> None:
    """Raises RuntimeError if the event was not accepted: try again later."""
    entry = {"EventBusName": bus, "Source": "panel", "DetailType": detail_type, "Detail": json.dumps(detail)}
    answer = boto3.client("events").put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"{detail_type} was not accepted: {answer['Entries'][0]}")


def domain_created(bus: str, domain: str, server: str) -> None:
    tell(bus, "Domain Created", {"domain": domain, "mailServers": [server]})


def domain_deleted(bus: str, domain: str) -> None:
    tell(bus, "Domain Deleted", {"domain": domain})
