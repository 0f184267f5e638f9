/**
 * Every function of the product in the model: its step, and the logic that its file in lambdas/
 * calls.
 */
import { askAudit } from '../../core/audit/ask-audit.ts';
import { assembleDelivery } from '../../core/deliver-to-server/assemble-delivery.ts';
import { recordDelivery } from '../../core/deliver-to-server/record-delivery.ts';
import { releaseServer } from '../../core/deliver-to-server/release-server.ts';
import { sendDelivery } from '../../core/deliver-to-server/send-delivery.ts';
import { domainIn } from '../../core/events/domain-in.ts';
import { registerServer } from '../../core/register-server/register-server.ts';
import { claimDomain } from '../../core/secure-domain/claim-domain.ts';
import { createOrder } from '../../core/secure-domain/create-order.ts';
import { finalizeOrder } from '../../core/secure-domain/finalize-order.ts';
import { parkDomain } from '../../core/secure-domain/park-domain.ts';
import { publishChallenges } from '../../core/secure-domain/publish-challenges.ts';
import { releaseDomain } from '../../core/secure-domain/release-domain.ts';
import { revokeCertificate } from '../../core/secure-domain/revoke-certificate.ts';
import { validate } from '../../core/secure-domain/validate.ts';
import * as deliverToServer from '../../statemachines/deliver-to-server.ts';
import * as registration from '../../statemachines/register-server.ts';
import * as secureDomain from '../../statemachines/secure-domain.ts';
import type { PortsOf } from './ports.ts';

/** @returns the function of that name, as Step Functions calls it */
export function handlerOf(name: string, portsOf: PortsOf): (input: unknown) => Promise<unknown> {
  const handler = handlers[name];
  if (!handler) throw new Error(`the model has no function ${name}`);
  return handler(portsOf);
}

const handlers: Record<string, (ports: PortsOf) => (input: unknown) => Promise<unknown>> = {
  ClaimDomain: ports => secureDomain.ClaimDomain.handler(async input => claimDomain(input, await ports())),
  CreateOrder: ports => secureDomain.CreateOrder.handler(async input => createOrder(input, await ports(input.issuer))),
  PublishChallenges: ports =>
    secureDomain.PublishChallenges.handler(async input => publishChallenges(input, await ports(input.issuer))),
  Validate: ports => secureDomain.Validate.handler(async input => validate(input, await ports(input.issuer))),
  FinalizeOrder: ports =>
    secureDomain.FinalizeOrder.handler(async input => finalizeOrder(input, await ports(input.issuer))),
  ReleaseDomain: ports => secureDomain.ReleaseDomain.handler(async input => releaseDomain(input, await ports())),
  RevokeCertificate: ports =>
    secureDomain.RevokeCertificate.handler(async input =>
      revokeCertificate({ domain: domainIn(input), execution: input.execution }, await ports()),
    ),
  ParkDomain: ports => secureDomain.ParkDomain.handler(async input => parkDomain(input, await ports())),
  RegisterServer: ports => registration.RegisterServer.handler(async event => registerServer(event, await ports())),
  AssembleDelivery: ports =>
    deliverToServer.AssembleDelivery.handler(async input => assembleDelivery(input, await ports())),
  SendDelivery: ports => deliverToServer.SendDelivery.handler(async input => sendDelivery(input, await ports())),
  RecordDelivery: ports => deliverToServer.RecordDelivery.handler(async input => recordDelivery(input, await ports())),
  ReleaseServer: ports => deliverToServer.ReleaseServer.handler(async input => releaseServer(input, await ports())),
  Audit: ports => async input => askAudit({ ...(input as { server: string }), by: 'a person' }, await ports()),
};
