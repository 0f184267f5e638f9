/**
 * AssembleDelivery: all work that may be delivered to a server becomes one object under the
 * server's own prefix.
 */
import { combinedPem } from '../certificate/certificate.ts';
import { unlessGone } from '../certificate/unless-gone.ts';
import type { Clock } from '../clock.ts';
import { ended, isEnded, type Ended } from '../ended.ts';
import { isSealpostError, SealpostError } from '../errors.ts';
import type { DomainStore } from '../ports/domain-store.ts';
import type { RenewalStore } from '../ports/renewal-store.ts';
import type { DeliveryStore } from '../ports/delivery-store.ts';
import type { ServerStore } from '../ports/server-store.ts';
import type { WorkStore } from '../ports/work-store.ts';
import { auditDueAt } from '../audit/audit.ts';
import { auditRows, repairRows } from '../audit/audit-rows.ts';
import { writeDelivery } from './delivery.ts';
import { entriesFor } from '../work/entries.ts';
import { inspectionDueAt, isInspectionAsked } from './inspection.ts';
import { inTrouble, type Consent } from '../record/adoption.ts';
import type { QuietHours } from '../work/quiet.ts';
import { deliveryPrefix, type Platform, type ServerRecord, type Work } from '../record/server.ts';
import type { Roles } from '../ports/roles.ts';
import { strangersIn } from '../record/role.ts';
import { refuse } from '../work/refuse.ts';
import { ripeWork } from '../work/waiting.ts';
import { MAX_ENTRIES, type Delivery, type DeliveryEntry, type Looks, type Manifest } from '../record/delivery.ts';
import type { CertificateId, CertificateObjects, DeliveryObjects } from '../ports/objects.ts';

export interface AssemblePorts {
  store: ServerStore &
    DeliveryStore &
    WorkStore &
    Pick<DomainStore, 'readDomain' | 'askReEvaluation'> &
    Pick<RenewalStore, 'askRenewal'>;
  certificates: CertificateObjects;
  deliveries: DeliveryObjects;
  roles: Roles;
  clock: Clock;
  /** The installer for each platform of a node. */
  installers: Record<Platform, { text: string; sha256: string }>;
  roots: string;
  /** For the moment of the server's daily audit. */
  quietHours: QuietHours;
}

export interface Assembled {
  server: string;
  delivery: { hash: string; seq: number; mode: Delivery['mode']; installer: string; entries: number };
}

/**
 * @returns the delivery under way; or the end NothingToDeliver
 * @throws SealpostError Throttled, ClaimLost, RoleOpen
 */
export async function assembleDelivery(
  input: { server: string; execution: string },
  ports: AssemblePorts,
): Promise<Assembled | Ended<'NothingToDeliver'>> {
  const { store, deliveries, clock } = ports;
  // The counter is read before the work: work that comes later changes the counter, and the release
  // fails.
  const claim = { server: input.server, me: input.execution, now: clock.now() };
  const server = await store.renewServer(claim);
  await requireOwnRole(server, ports.roles);
  const installer = ports.installers[server.platform ?? 'Linux'];
  // A delivery on record is sent with today's installer, too.
  await deliveries.putInstaller(installer);
  if (server.delivery) {
    const { hash, seq, mode } = server.delivery;
    return {
      server: server.server,
      delivery: { hash, seq, mode, installer: installer.sha256, entries: (await deliveries.readManifest(hash)).length },
    };
  }
  const next = await nextDelivery(server, ports);
  if (isEnded(next)) return next;
  const { looks, ...delivery } = next;
  const { text, hash } = writeDelivery(delivery, clock.now());
  await deliveries.putManifest(hash, delivery.entries.map(manifestLine));
  if (looks) await deliveries.putLooks(hash, looks);
  await deliveries.putDelivery({ prefix: deliveryPrefix(server), hash }, text);
  const underWay = { hash, seq: delivery.seq, mode: delivery.mode, ...(looks && { looks: true }) };
  await store.startDelivery(claim, underWay);
  return {
    server: server.server,
    delivery: {
      hash,
      seq: delivery.seq,
      mode: delivery.mode,
      installer: installer.sha256,
      entries: delivery.entries.length,
    },
  };
}

/**
 * The trust of the role was checked at the registration and may have been changed since then. The
 * delivery is readable with the role, so the check comes before it is stored.
 * @throws SealpostError RoleOpen
 */
async function requireOwnRole({ server, role }: ServerRecord, roles: Roles): Promise<void> {
  if (role === undefined) return;
  const strangers = strangersIn((await roles.role(role))?.trusted ?? []);
  if (strangers.length === 0) return;
  throw new SealpostError('RoleOpen', {
    about: server,
    message: `${strangers.join(' and ')} may assume the role ${role} of ${server} by now, and could read its keys; let its trust policy name ec2.amazonaws.com and ssm.amazonaws.com alone`,
  });
}

async function nextDelivery(
  server: ServerRecord,
  ports: AssemblePorts,
): Promise<(Delivery & { looks?: Looks }) | Ended<'NothingToDeliver'>> {
  const about = { server: server.server, seq: server.seq + 1, roots: ports.roots };
  const { webmail, leaveOut } = server;
  const asked = { adopt: consentTo(server), ...(webmail && { webmail }), ...(leaveOut && { leaveOut }) };
  const inspection = { ...about, mode: 'inspect' as const, ...asked, entries: [] };
  if (!server.capability) return inspection;
  const now = ports.clock.now();
  const ripe = await ripeWork(server, ports.store, now);
  if (ripe.length === 0 && (inspectionDueAt(server, ports.quietHours) ?? Infinity) <= now) return inspection;
  const isAuditDue = (auditDueAt(server, ports.quietHours) ?? Infinity) <= now;
  if (ripe.length === 0 && isAuditDue) {
    const looks = await auditRows(server, ports.store);
    return { ...about, mode: 'verify', entries: [], rows: looks.rows, looks };
  }
  if (ripe.length === 0)
    return ended('NothingToDeliver', {
      about: server.server,
      message: `nothing waits for ${server.server} that could be delivered now`,
    });
  const delivered = await entries(server, ripe, ports);
  if (delivered.length === 0)
    return ended('NothingToDeliver', {
      about: server.server,
      message: `the certificates that wait for ${server.server} are gone from the bucket; they are ordered anew`,
    });
  const manifest = delivered.map(manifestLine);
  // A person may wait for urgent work, so the audit, which takes minutes, is not added to it.
  const rides = isAuditDue && delivered.length < MAX_ENTRIES && ripe.every(({ calm }) => calm);
  const looks = rides ? await auditRows(server, ports.store, manifest) : repairRows(manifest);
  return { ...about, mode: 'install', entries: delivered, ...(looks && { rows: looks.rows, looks }) };
}

/**
 * An adoption that was undone is tried again only if somebody asks (a registration, an audit): each
 * try may cost the daemon's clients seconds, and this inspection may be a daily one.
 */
function consentTo(server: ServerRecord): Consent {
  const isTried = inTrouble(server).some(({ state }) => state === 'undone' || state === 'broken');
  return isTried && !isInspectionAsked(server) ? false : server.adopt;
}

/**
 * Keys and chains are read 20 at a time, which bounds the memory and the requests to S3. A
 * certificate whose key or chain is gone is ordered anew, and its work waits alone. Any other error
 * is the bucket's: if nothing can be read, the step fails.
 */
async function entries(server: ServerRecord, work: Work[], ports: AssemblePorts) {
  const { store, certificates, clock } = ports;
  const all: DeliveryEntry[] = [];
  const unreadable: { work: Work; error: unknown }[] = [];
  for (let i = 0; i < work.length; i += 20) {
    const some = work.slice(i, i + 20);
    const read = await Promise.allSettled(some.map(one => readEntries(server, one, certificates)));
    for (const [k, result] of read.entries()) {
      if (result.status === 'fulfilled') all.push(...result.value);
      else if (isSealpostError(result.reason, 'Throttled')) throw result.reason;
      else unreadable.push({ work: some[k]!, error: result.reason });
    }
  }
  const other = unreadable.find(({ error }) => !isSealpostError(error, 'CertificateUnusable'));
  if (all.length === 0 && other) throw other.error;
  for (const { work, error } of unreadable) {
    if (isSealpostError(error, 'CertificateUnusable')) await orderAnew(work, ports);
    const text = `its key and chain cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    await refuse(server.server, work, { name: 'CertificateUnusable', text }, { store, now: clock.now() });
  }
  return all;
}

/**
 * After a restored table, the record may name a certificate whose objects were deleted since the
 * backup. A person's request for a renewal is what replaces a certificate by another one with a new
 * key. A provided certificate cannot be ordered: its work waits with its reason.
 */
async function orderAnew(
  { domain, certificate }: Work,
  { store, certificates, clock }: Pick<AssemblePorts, 'store' | 'certificates' | 'clock'>,
): Promise<void> {
  const current = (await store.readDomain(domain))?.current;
  const isCurrent = typeof certificate === 'object' && certificate.id === current?.id;
  if (!isCurrent) await store.askReEvaluation(domain, clock.now());
  else if (await isGone({ domain, id: current.id }, certificates)) await store.askRenewal(domain, clock.now());
}

async function isGone(id: CertificateId, { readKey, readChain }: CertificateObjects): Promise<boolean> {
  const parts = await Promise.all([unlessGone(readKey(id)), unlessGone(readChain(id))]);
  return parts.includes(undefined);
}

async function readEntries(
  server: ServerRecord,
  work: Work,
  certificates: CertificateObjects,
): Promise<DeliveryEntry[]> {
  const read = async ({ install, ...entry }: ReturnType<typeof entriesFor>[number]): Promise<DeliveryEntry> => {
    if (!install) return entry;
    const id = { domain: work.domain, id: install.certificate };
    const [keyPem, chainPem] = await Promise.all([certificates.readKey(id), certificates.readChain(id)]);
    return { ...entry, install: { ...install, pem: combinedPem({ keyPem, chainPem }) } };
  };
  return Promise.all(entriesFor(work, server).map(read));
}

function manifestLine({ domain, v, host, for: use, drift, install }: DeliveryEntry): Manifest[number] {
  const { certificate, fingerprint, life, probe } = install ?? {};
  return {
    domain,
    v,
    ...(host && { host }),
    ...(use && { for: use }),
    ...(drift && { drift }),
    ...(install && { certificate, fingerprint, life, probe }),
  };
}
