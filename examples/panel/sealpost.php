<?php
// Tells sealpost what a panel has just done: one event on the bus, by the AWS SDK for PHP.

declare(strict_types=1);

use Aws\EventBridge\EventBridgeClient;

/** @throws RuntimeException if the event was not accepted: try again later */
function sealpost_tell(EventBridgeClient $events, string $bus, string $detailType, array $detail): void
{
    $answer = $events->putEvents(['Entries' => [[
        'EventBusName' => $bus,
        'Source' => 'panel',
        'DetailType' => $detailType,
        'Detail' => json_encode($detail, JSON_THROW_ON_ERROR),
    ]]]);
    if ($answer['FailedEntryCount'] > 0) {
        throw new RuntimeException($detailType . ' was not accepted: ' . json_encode($answer['Entries'][0]));
    }
}

function sealpost_domain_created(EventBridgeClient $events, string $bus, string $domain, string $server): void
{
    sealpost_tell($events, $bus, 'Domain Created', ['domain' => $domain, 'mailServers' => [$server]]);
}

function sealpost_domain_deleted(EventBridgeClient $events, string $bus, string $domain): void
{
    sealpost_tell($events, $bus, 'Domain Deleted', ['domain' => $domain]);
}
