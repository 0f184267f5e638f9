/**
 * What a delivery costs a mail server: the installer runs on a host with the usual daemons, as SSM
 * would run it, beside as many domains as the host has by then.
 */
import { USUAL } from '../local/hosts/software.ts';
import { startMailHost, type MailHost } from '../test/install/mail-host.ts';
import type { Bench, Report } from './bench.ts';
import { costOf, measured, type Cost } from './host-cpu.ts';

/** Each look is an openssl process: what it was before one Perl process made them. */
const ONE_BY_ONE = { SEALPOST_HELLOS: 'no' };

class Server {
  count = 0;
  private readonly mail: MailHost;
  private readonly report: Report;

  constructor(mail: MailHost, report: Report) {
    this.mail = mail;
    this.report = report;
  }

  /**
   * Adopts all daemons, and installs the host's own certificate.
   * @returns what the adoption cost
   */
  async prepare(): Promise<Cost> {
    const { mail } = this;
    const inspection = mail.write([], { mode: 'inspect', adopt: true });
    const cost = await costOf(mail, () => mail.run(inspection, { edit: measured }));
    const { hostName } = mail.host;
    const own = { domain: hostName, kind: 'host' as const, mail: hostName, certificate: mail.ca.issue([hostName]) };
    await mail.deliver([own]);
    return cost;
  }

  /** Secures this many new domains by one delivery; a row of the table. */
  async secure(domains: number, environment: Record<string, string> = {}): Promise<string[]> {
    const beside = this.count;
    const entries = Array.from({ length: domains }, () => {
      const domain = `d${++this.count}.test`;
      return { domain, certificate: this.mail.wildcard(domain), web: `webmail.${domain}` };
    });
    const delivery = this.mail.write(entries);
    let letters: string | undefined;
    const cost = await costOf(this.mail, async () => {
      ({ letters } = await this.mail.run(delivery, { edit: measured, environment }));
    });
    const installed = letters?.replaceAll(/[^s]/g, '').length ?? 0;
    this.report(`${installed} of ${domains} installed beside ${beside}: ${phases(cost)}`);
    const each = (seconds: number) => ((seconds / domains) * 1000).toFixed(1);
    return [
      environment === ONE_BY_ONE ? 'one process a look' : 'many looks a process',
      ...[domains, beside, installed].map(String),
      ...[cost.installer, cost.daemons, cost.seconds].map(each),
      (cost.processes / domains).toFixed(1),
    ];
  }
}

const phases = (cost: Cost) =>
  cost.phases.map(({ phase, cpu, processes }) => `${phase} ${cpu.toFixed(2)} s ${processes}`).join(', ');

export const installer: Bench = {
  about: `What one delivery of new domains costs a mail server: ${USUAL.release}, ${USUAL.software.join(', ')}.`,
  options: { small: 100, large: 1000 },
  async run({ small = 100, large = 1000 }, report) {
    const mail = await startMailHost('bench');
    try {
      const server = new Server(mail, report);
      const adoption = await server.prepare();
      const rows = [
        await server.secure(1, ONE_BY_ONE),
        await server.secure(1),
        await server.secure(small, ONE_BY_ONE),
        await server.secure(small),
        await server.secure(large),
        await server.secure(small),
        await server.secure(1),
      ];
      return {
        columns: ['looks', 'new', 'beside', 'installed', 'installer CPU ms', 'daemons CPU ms', 'wall ms', 'processes'],
        rows,
        notes: [
          `The adoption of all daemons took ${adoption.installer.toFixed(1)} CPU s and ${adoption.processes} processes.`,
          'All figures but the first four columns are for one domain. The daemons share the CPU of the looks:\na look makes each of them sign once. Processes are those of the installer and of the daemons.',
        ],
      };
    } finally {
      await mail.stop();
    }
  },
};
