/**
 * The soak: the local provider works for minutes while hosts are killed, and CA, DNS and AWS fail.
 * At the end every domain is served right, or is parked with a reason.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { renewBy } from '../../aws/renewals.ts';
import { addMailServer, delegateDomain, putEvent, storeOf, until, untilInstalled } from '../../local/provider/panel.ts';
import { STACK, startProvider, type Provider } from '../../local/provider/provider.ts';
import type { SnsService } from '../../packages/aws-stand-in/src/stand-in.ts';
import { caFaults, type CaFaults } from './ca-faults.ts';
import { deservedBy, faultsOfAws, retriesOf } from './counted.ts';
import { Customers } from './customers.ts';
import { Choices } from './random.ts';
import { judge, type Verdict } from './verdict.ts';

export interface SoakOptions {
  seed: number;
  minutes: number;
  directory: string;
  cdkOut: string;
  hosts: number;
  domains: number;
  report: (line: string) => void;
}

export interface Soaked extends Verdict {
  events: Record<string, number>;
  faults: Record<string, number>;
  executions: number;
  /** Further tries of states. */
  retries: number;
  orders: number;
  budget: number;
  /** With why a person had to be paged, or undefined if nobody had to. */
  pages: { message: string; because: string | undefined }[];
  customers: Customers;
  killed: string[];
}

const MINUTE = 60_000;
const EVENT_EVERY_MS = 1_500;
const BUDGET = 1_000;
/** AWS fails from the beginning, and some events of Systems Manager are lost. */
const SECURED_WITHIN_S = 900;
/** The last tries of what failed last come within so long. */
const PATIENCE_S = 240;

export class Soak {
  readonly #options: SoakOptions;
  readonly #choices: Choices;
  readonly #counted: Soaked['events'] = {};
  readonly #faults: Soaked['faults'] = {};
  readonly #killed = new Set<string>();
  readonly #down = new Set<string>();
  readonly #domains: string[];
  readonly #names: string[];
  /** What is mended later: a host that comes back, a delegation. */
  #later: Promise<void>[] = [];
  #ca: CaFaults | undefined;
  #provider!: Provider;

  constructor(options: SoakOptions) {
    this.#options = options;
    this.#choices = new Choices(options.seed);
    this.#domains = Array.from({ length: options.domains }, (_, i) => `customer${i + 1}.test`);
    this.#names = Array.from({ length: options.hosts }, (_, i) => `mx${i + 1}`);
  }

  async run(): Promise<Soaked> {
    const { minutes, report, hosts } = this.#options;
    await this.#start();
    const customers = new Customers(this.#provider.roots);
    await customers.begin(this.#quiet());
    report(`Faults begin: ${minutes} minutes of events, killed hosts, and a CA, a DNS and an AWS that fail`);
    this.#ca!.begin();
    const end = Date.now() + minutes * MINUTE;
    const middle = Date.now() + (minutes * MINUTE) / 2;
    await this.#disturb(middle);
    await customers.end();
    await this.#restart();
    await customers.begin(this.#quiet());
    await this.#disturb(end);
    this.#ca!.stop();
    for (const domain of this.#domains) await this.#delegate(domain);
    report(`Nothing goes wrong any more; what is open has ${PATIENCE_S} s (${hosts} hosts run)`);
    const verdict = await this.#settled();
    await customers.end();
    const orders = this.#ca!.proxy.answered.filter(line => line === '201 POST /order-plz').length;
    const pages = this.#provider.cloud
      .service<SnsService>('sns')
      .pages()
      .map(({ message }) => ({ message, because: deservedBy(message, this.#killed) }));
    const faults = {
      ...{ ...this.#faults, ...this.#ca!.counted },
      ...faultsOfAws(join(this.#options.directory, 'cloud/cloud.log')),
    };
    return {
      ...verdict,
      ...(await retriesOf(this.#provider)),
      ...{ events: this.#counted, faults, orders, budget: BUDGET, pages },
      ...{ customers, killed: [...this.#killed] },
    };
  }

  stop(): Promise<void> {
    return this.#provider.stop();
  }

  async #start(): Promise<void> {
    const { report } = this.#options;
    this.#provider = await this.#open();
    for (const name of this.#names) await addMailServer(this.#provider, name);
    const store = storeOf(this.#provider);
    await Promise.all(
      this.#names.map(async (name, i) => {
        await this.#register(name);
        await untilInstalled(store, { domain: this.#server(i), server: this.#server(i) }, SECURED_WITHIN_S);
      }),
    );
    report(`${this.#names.length} mail servers are secured under their own names`);
    for (const [i, domain] of this.#domains.entries()) {
      await this.#delegate(domain);
      await this.#say('Domain Created', { domain, mailServers: [this.#server(i)] });
    }
    for (const [i, domain] of this.#domains.entries()) {
      const server = this.#server(i);
      await until(`${domain} installed`, 600, () => store.installed({ server, domain }));
    }
    report(`${this.#domains.length} domains are served`);
  }

  /** The CA and the proxy before it outlive a restart of the provider. */
  #open(): Promise<Provider> {
    const { directory, cdkOut, seed, report } = this.#options;
    return startProvider({
      ...{ directory, cdkOut, seed: directory, report, caOutlives: true, faults: { seed } },
      issuers: async ca => {
        this.#ca ??= await caFaults(ca, { directory: join(directory, 'ca'), choices: this.#choices });
        const issuer = { name: 'pebble', directory: this.#ca.proxy.directoryUrl, profile: 'tlsserver' };
        return { issuers: [{ ...issuer, limits: { account: `${BUDGET} in 3 h` } }], roots: '' };
      },
    });
  }

  async #restart(): Promise<void> {
    this.#options.report('The provider is stopped and started again');
    await this.#provider.stop();
    this.#provider = await this.#open();
    for (const name of this.#names) await addMailServer(this.#provider, name);
    this.#down.clear();
    this.#faults['provider restarted'] = 1;
  }

  #server(i: number): string {
    return `${this.#names[i % this.#names.length]}.provider.test`;
  }

  /** Every fifth domain is left in peace. The first half of the hosts is never killed. */
  #isQuiet(i: number): boolean {
    return i % 5 === 0 && i % this.#names.length < this.#names.length / 2;
  }

  #quiet() {
    return this.#names.slice(0, Math.ceil(this.#names.length / 2)).map((name, k) => ({
      address: this.#provider.hosts.get(name)!.address,
      names: this.#domains.flatMap((domain, i) =>
        this.#isQuiet(i) && i % this.#names.length === k ? [`mail.${domain}`] : [],
      ),
    }));
  }

  async #disturb(until: number): Promise<void> {
    const lively = this.#domains.filter((_, i) => !this.#isQuiet(i));
    while (Date.now() < until) {
      const domain = this.#choices.of(lively);
      const share = this.#choices.share();
      if (share < 0.03) await this.#kill(until);
      else if (share < 0.1) await this.#takeDelegation(domain);
      else await this.#event(domain, share);
      await pause(EVENT_EVERY_MS * 2 * this.#choices.share());
    }
    await Promise.all(this.#later.splice(0));
  }

  async #event(domain: string, share: number): Promise<void> {
    const servers = this.#names.map((_, i) => this.#server(i));
    if (share < 0.15) return this.#say('Domain Deleted', { domain, ...(share < 0.12 && { revoke: true }) });
    if (share < 0.25) return this.#say('Certificate Expiring', { domain });
    if (share < 0.3) return this.#register(this.#choices.of(this.#names));
    if (share < 0.5) return this.#renew(domain);
    const mailServers =
      share < 0.6 ? [this.#choices.of(servers), this.#choices.of(servers)] : [this.#choices.of(servers)];
    return this.#say('Domain Changed', { domain, mailServers: [...new Set(mailServers)] });
  }

  async #say(type: string, detail: object): Promise<void> {
    this.#counted[type] = (this.#counted[type] ?? 0) + 1;
    await putEvent(this.#provider, type, detail);
  }

  async #register(name: string): Promise<void> {
    const { hostName, nodeId } = this.#provider.hosts.get(name) ?? {};
    if (hostName) await this.#say('Mail Server Registered', { server: hostName, node: nodeId, adopt: true });
  }

  /** A person's command may fail, and be given again. */
  async #renew(domain: string): Promise<void> {
    this.#counted['sealpost renew'] = (this.#counted['sealpost renew'] ?? 0) + 1;
    await renewBy(new LambdaClient(this.#provider.client()), STACK, { domain }).catch(() => {});
  }

  async #kill(until: number): Promise<void> {
    const name = this.#choices.of(this.#names.slice(Math.ceil(this.#names.length / 2)));
    const host = this.#provider.hosts.get(name);
    if (!host || this.#down.has(name)) return;
    this.#count('host killed');
    this.#killed.add(name);
    this.#down.add(name);
    await host.stop();
    const back = Math.min(Date.now() + 20_000 + 40_000 * this.#choices.share(), until);
    this.#later.push(pause(Math.max(0, back - Date.now())).then(() => this.#revive(name)));
  }

  async #revive(name: string): Promise<void> {
    if (!this.#down.delete(name)) return;
    this.#provider.hosts.delete(name);
    await addMailServer(this.#provider, name);
  }

  async #takeDelegation(domain: string): Promise<void> {
    this.#count('DNS: delegation taken away');
    const address = [...this.#provider.hosts.values()][0]!.address;
    await this.#provider.setCustomerZone(domain, [{ name: `mail.${domain}`, type: 'A', ttl: 60, values: [address] }]);
    this.#later.push(pause(30_000).then(() => this.#delegate(domain)));
  }

  #delegate(domain: string): Promise<void> {
    const address = [...this.#provider.hosts.values()][0]!.address;
    return delegateDomain(this.#provider, { domain, address });
  }

  #count(fault: string): void {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
  }

  /** Judges again and again, until all is right or the time is over. */
  async #settled(): Promise<Verdict> {
    const deadline = Date.now() + PATIENCE_S * 1000;
    for (;;) {
      const addresses = new Map([...this.#provider.hosts.values()].map(({ hostName, address }) => [hostName, address]));
      const verdict = await judge(this.#provider, this.#domains, addresses);
      const { wrong, parked, keysWithoutRecord } = verdict;
      const open = wrong.length + parked.length + keysWithoutRecord.length;
      this.#options.report(`${verdict.served} served right, ${parked.length} parked, ${wrong.length} not yet`);
      if (open === 0 || Date.now() > deadline) return verdict;
      await pause(10_000);
    }
  }
}
