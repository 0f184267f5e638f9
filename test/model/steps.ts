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
  ClaimDomain: ports => secureDomain.ClaimDomain.handler(input => claimDomain(input, ports())),
  CreateOrder: ports => secureDomain.CreateOrder.handler(input => createOrder(input, ports(input.issuer))),
  PublishChallenges: ports =>
    secureDomain.PublishChallenges.handler(input => publishChallenges(input, ports(input.issuer))),
  Validate: ports => secureDomain.Validate.handler(input => validate(input, ports(input.issuer))),
  FinalizeOrder: ports => secureDomain.FinalizeOrder.handler(input => finalizeOrder(input, ports(input.issuer))),
  ReleaseDomain: ports => secureDomain.ReleaseDomain.handler(input => releaseDomain(input, ports())),
  RevokeCertificate: ports =>
    secureDomain.RevokeCertificate.handler(input =>
      revokeCertificate({ domain: domainIn(input), execution: input.execution }, ports()),
    ),
  ParkDomain: ports => secureDomain.ParkDomain.handler(input => parkDomain(input, ports())),
  RegisterServer: ports => registration.RegisterServer.handler(event => registerServer(event, ports())),
  AssembleDelivery: ports => deliverToServer.AssembleDelivery.handler(input => assembleDelivery(input, ports())),
  SendDelivery: ports => deliverToServer.SendDelivery.handler(input => sendDelivery(input, ports())),
  RecordDelivery: ports => deliverToServer.RecordDelivery.handler(input => recordDelivery(input, ports())),
  ReleaseServer: ports => deliverToServer.ReleaseServer.handler(input => releaseServer(input, ports())),
  Audit: ports => async input => askAudit((input as { server: string }).server, ports()),
};
